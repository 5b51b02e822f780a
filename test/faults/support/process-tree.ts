import { readdir, readFile } from 'node:fs/promises';

/** A process, distinguished from a later one with the same number. */
export interface LivingProcess {
  readonly pid: number;
  readonly startedAt: string;
  readonly command: string;
}

interface Entry extends LivingProcess {
  readonly parent: number;
}

/** Everything that descends from this process at this moment. */
export async function descendantsOf(pid: number): Promise<LivingProcess[]> {
  const all = await readAll();
  const found: Entry[] = [];
  for (let parents = [pid]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map((child) => child.pid);
  }
  return found;
}

/** Which of them still run. */
export async function stillRunning(processes: readonly LivingProcess[]): Promise<LivingProcess[]> {
  const all = await readAll();
  return processes.filter((one) => all.some(({ pid, startedAt }) => pid === one.pid && startedAt === one.startedAt));
}

async function readAll(): Promise<Entry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(pids.map((pid) => readEntry(Number(pid))));
  return entries.filter((entry) => entry !== undefined);
}

/** Source: proc(5), /proc/[pid]/stat: the command in brackets, then state, parent, and the start time as the 20th field from there. */
async function readEntry(pid: number): Promise<Entry | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', parent = ''] = fields;
  // One that is dead but not yet reaped is gone.
  if (/^[ZX]/.test(state)) return undefined;
  return { pid, parent: Number(parent), command, startedAt: fields[19] ?? '' };
}
