import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessEntry, parseStat } from '#common/process/process-table.js';
import { plainEnv } from './plain-env.js';

/** A process that an earlier call may have started, distinguished from a later one that was given the same pid. */
export interface NotedProcess {
  readonly pid: number;
  /** When it started, in clock ticks since boot. */
  readonly startedTicks: string;
}

export interface NotedStart {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to `plainEnv`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly uid?: number;
  readonly gid?: number;
  /** Takes all output. */
  readonly logFile: string;
  /** Behind what the log holds already; the default empties it. */
  readonly isAppending?: boolean;
  /** Kept with the note. */
  readonly more?: object;
}

/**
 * Starts a process that leads a session of its own, so that Ctrl-C does not reach it, and remembers it in the file `note`. Both happen in
 * one tick: an interrupt in between would leave a process that no later call finds. The caller listens for `error`.
 */
export function startNoted(note: string, o: NotedStart): ChildProcess {
  const { file, args, logFile, isAppending = false, env, more, ...options } = o;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, isAppending ? 'a' : 'w');
  try {
    const stdio = ['ignore', log, log] as const;
    const child = spawn(file, args, { ...options, env: { ...plainEnv(), ...env }, detached: true, stdio: [...stdio] });
    if (child.pid !== undefined) noteProcess(note, child.pid, more);
    return child;
  } finally {
    closeSync(log);
  }
}

/** Remembers a process in a file, so that a later call can stop it although this one was killed or left it running. */
function noteProcess(file: string, pid: number, more: object = {}): void {
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
export const isZombie = (pid: number): boolean => findEntry(pid)?.isGone === true;

/** Undefined when there is no such process, or only its zombie. */
function startedTicks(pid: number): string | undefined {
  const entry = findEntry(pid);
  return entry?.isGone === true ? undefined : entry?.startedAt;
}

function findEntry(pid: number): ProcessEntry | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}
