import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that an earlier call may have started, distinguished from a later one that was given the same pid. */
export interface NotedProcess {
  readonly pid: number;
  /** When it started, in clock ticks since boot. */
  readonly startedTicks: string;
}

/** Remembers a process in a file, so that a later call can stop it although this one was killed or left it running. */
export function noteProcess(file: string, pid: number, more: object = {}): void {
  const noted: NotedProcess = { ...more, pid, startedTicks: startedTicks(pid) ?? 'gone' };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(noted));
  renameSync(`${file}.new`, file);
}

/** The process that the file remembers, if it still runs. A pid that was given to another process does not count. */
export function findNoted<T extends NotedProcess>(file: string): T | undefined {
  try {
    const noted = JSON.parse(readFileSync(file, 'utf8')) as T;
    return startedTicks(noted.pid) === noted.startedTicks ? noted : undefined;
  } catch {
    return undefined;
  }
}

export interface StopOptions {
  readonly signal?: NodeJS.Signals;
  /** How long the process may take to end by itself. */
  readonly graceMs: number;
}

const POLL_MS = 25;

/** Asks the process to end, then kills what is left of its group, and returns when the process is gone. */
export async function stopNoted(file: string, { signal = 'SIGTERM', graceMs }: StopOptions): Promise<void> {
  const noted = findNoted(file);
  if (noted !== undefined) {
    send(noted.pid, signal);
    await goneWithin(file, graceMs);
    send(-noted.pid, 'SIGKILL');
    await goneWithin(file, 5_000);
  }
  rmSync(file, { force: true });
}

async function goneWithin(file: string, limitMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < limitMs && findNoted(file) !== undefined; waitedMs += POLL_MS) await sleep(POLL_MS);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Dead, but not yet reaped by its parent. */
export const isZombie = (pid: number): boolean => statOf(pid)?.state === 'Z';

/** Undefined when there is no such process, or only its zombie. */
function startedTicks(pid: number): string | undefined {
  const stat = statOf(pid);
  return stat?.state === 'Z' ? undefined : stat?.startedTicks;
}

function statOf(pid: number): ReturnType<typeof parseStat> | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Fields 3 and 22 of /proc/PID/stat. The command name before them may itself hold spaces and parentheses. Source: proc(5). */
export function parseStat(text: string): { state: string | undefined; startedTicks: string | undefined } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], startedTicks: fields[19] };
}
