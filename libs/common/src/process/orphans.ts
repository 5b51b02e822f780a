import { setTimeout as sleep } from 'node:timers/promises';
import { PARENT_MARK, parseParentMark, thisParent } from './parent-mark.js';
import { findProcess, listPids, type ProcessEntry, readVariable } from './process-table.js';

export interface EndOrphansOptions {
  readonly signal: AbortSignal;
  /** Most end by themselves when their pipe breaks: this long after they were first seen a signal ends them. Default 10 s. */
  readonly graceMs?: number;
  /** From SIGTERM to SIGKILL. Default 10 s. */
  readonly killAfterMs?: number;
}

const GRACE_MS = 10_000;
const KILL_AFTER_MS = 10_000;

/**
 * Processes that carry our mark and whose parent, the one that it names, is gone: killed, it could not stop them. Of this user and
 * this process namespace only. None on anything but Linux.
 */
export async function findOrphans(): Promise<ProcessEntry[]> {
  const self = thisParent();
  if (self === undefined) return [];
  const orphans: ProcessEntry[] = [];
  for (const pid of await listPids()) {
    const mark = await readVariable(pid, PARENT_MARK);
    const parent = mark === undefined ? undefined : parseParentMark(mark);
    if (parent === undefined || parent.namespace !== self.namespace || (await isAlive(parent))) continue;
    const entry = await findProcess(pid);
    if (entry !== undefined && !entry.isGone && pid !== self.pid) orphans.push(entry);
  }
  return orphans;
}

/**
 * Ends what killed processes of ours left running on this machine, whole process groups: SIGTERM, and SIGKILL to what is left.
 * Returns the processes that got a signal. Throws: the abort reason.
 */
export async function endOrphans({
  signal,
  graceMs = GRACE_MS,
  killAfterMs = KILL_AFTER_MS,
}: EndOrphansOptions): Promise<readonly ProcessEntry[]> {
  const seen = await findOrphans();
  if (seen.length === 0) return [];
  await sleep(graceMs, undefined, { signal });
  return endProcesses(seen, { signal, killAfterMs });
}

/** Whole process groups: SIGTERM, and SIGKILL to what is left. Returns the processes that got a signal. Throws: the abort reason. */
export async function endProcesses(
  seen: readonly ProcessEntry[],
  { signal, killAfterMs = KILL_AFTER_MS }: Pick<EndOrphansOptions, 'signal' | 'killAfterMs'>,
): Promise<readonly ProcessEntry[]> {
  const told = await signalGroups(seen, 'SIGTERM');
  const deadline = performance.now() + killAfterMs;
  while (performance.now() < deadline && (await stillThere(told)).length > 0)
    await sleep(Math.min(200, killAfterMs), undefined, { signal });
  await signalGroups(told, 'SIGKILL');
  return told;
}

/** Looked at again right before: a number may belong to a stranger's process by now. */
async function signalGroups(processes: readonly ProcessEntry[], name: NodeJS.Signals): Promise<ProcessEntry[]> {
  const there = await stillThere(processes);
  const ours = await findProcess(process.pid);
  const groups = new Set(there.map(({ group }) => group).filter((group) => group > 1 && group !== ours?.group));
  for (const group of groups) sendTo(group, name);
  return there.filter(({ group }) => groups.has(group));
}

function sendTo(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // It has ended meanwhile.
  }
}

async function stillThere(processes: readonly ProcessEntry[]): Promise<ProcessEntry[]> {
  const there = await Promise.all(processes.map(async (each) => ((await isAlive(each)) ? [each] : [])));
  return there.flat();
}

/** Whether the process of a mark is known to have ended: one of another namespace, of another machine say, is not. */
export async function isKnownDead(mark: string): Promise<boolean> {
  const [process, self] = [parseParentMark(mark), thisParent()];
  return process !== undefined && process.namespace === self?.namespace && !(await isAlive(process));
}

async function isAlive({ pid, startedAt }: { readonly pid: number; readonly startedAt: string }): Promise<boolean> {
  const entry = await findProcess(pid);
  return entry !== undefined && !entry.isGone && entry.startedAt === startedAt;
}
