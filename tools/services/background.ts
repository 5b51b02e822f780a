import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { logFile, pidFile } from './paths.js';

export interface Launch {
  readonly port: number;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface RunningProcess {
  readonly pid: number;
  readonly port: number;
  readonly startedTicks: string;
}

/** Starts a process that outlives us, in a session of its own, and remembers it. Its output goes to the service's log. */
export async function launch(name: string, { file, args, port, ...options }: Launch): Promise<void> {
  const log = openSync(logFile(name), 'w');
  try {
    const env = { ...plainEnv(), ...options.env };
    const child = spawn(file, args, { ...options, env, detached: true, stdio: ['ignore', log, log] });
    // In the same tick: a Ctrl-C between start and note would leave a server that nobody knows.
    if (child.pid !== undefined) remember(name, child.pid, port);
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
  } finally {
    closeSync(log);
  }
}

/** Our own PG*, KAFKA_* or MEILI_* variables must not change a server that others use too. */
export function plainEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC' };
}

function remember(name: string, pid: number, port: number): void {
  const record: RunningProcess = { pid, port, startedTicks: startedTicks(pid) ?? 'gone' };
  writeFileSync(`${pidFile(name)}.new`, JSON.stringify(record));
  renameSync(`${pidFile(name)}.new`, pidFile(name));
}

/** The process that we started for this service, if it still runs. A pid that was given to another process does not count. */
export async function findProcess(name: string): Promise<RunningProcess | undefined> {
  const text = await readFile(pidFile(name), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as RunningProcess;
  return startedTicks(record.pid) === record.startedTicks ? record : undefined;
}

/** Ends the process: the given signal first, SIGKILL to its whole group after a while. */
export async function stopProcess(name: string, signal: NodeJS.Signals, graceMs = 20_000): Promise<void> {
  const running = await findProcess(name);
  if (running !== undefined) {
    sendSignal(running.pid, signal);
    if (!(await isGoneWithin(name, graceMs))) {
      sendSignal(-running.pid, 'SIGKILL');
      await isGoneWithin(name, 5_000);
    }
  }
  await rm(pidFile(name), { force: true });
}

async function isGoneWithin(name: string, limitMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += 50) {
    if ((await findProcess(name)) === undefined) return true;
    await sleep(50);
  }
  return false;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Dead, but not yet reaped by its parent. */
export function isZombie(pid: number): boolean {
  return statOf(pid)?.state === 'Z';
}

/** When the process started, in clock ticks since boot; undefined when there is none, or only its zombie. */
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
