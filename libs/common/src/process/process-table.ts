import { readdir, readFile, readlink } from 'node:fs/promises';

/** One process as Linux tells it. The start, in ticks since boot, tells two processes apart that had the same number. */
export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly startedAt: string;
  /** Dead, and only not yet reaped. */
  readonly isGone: boolean;
}

/** Undefined when there is none. The second field is the program's name, in parentheses, and may hold anything. */
export function parseStat(text: string): ProcessEntry | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const startedAt = fields[19];
  if (state === undefined || group === undefined || startedAt === undefined) return undefined;
  return { pid: Number.parseInt(text, 10), group: Number(group), startedAt, isGone: /^[ZX]/.test(state) };
}

export async function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseStat(text);
}

/** Of every process that this one can see. */
export async function listPids(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Undefined for one that is gone, or another user's. */
export async function readVariable(pid: number, name: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  const found = text.split('\0').find((entry) => entry.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

/** Undefined for one that is gone, or another user's. */
export const findWorkingDirectory = (pid: number): Promise<string | undefined> =>
  readlink(`/proc/${pid}/cwd`).catch(() => undefined);
