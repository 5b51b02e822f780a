import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { findNoted, type NotedProcess, noteProcess, stopNoted } from '#tools/process/noted-process.js';
import { plainEnv } from '#tools/process/plain-env.js';
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

export interface RunningProcess extends NotedProcess {
  readonly port: number;
}

/** Starts a process that outlives us, in a session of its own, and remembers it. Its output goes to the service's log. */
export async function launch(name: string, { file, args, port, ...options }: Launch): Promise<void> {
  const log = openSync(logFile(name), 'w');
  try {
    const env = { ...plainEnv(), ...options.env };
    const child = spawn(file, args, { ...options, env, detached: true, stdio: ['ignore', log, log] });
    // In the same tick: a Ctrl-C between start and note would leave a server that no later call finds.
    if (child.pid !== undefined) noteProcess(pidFile(name), child.pid, { port });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
  } finally {
    closeSync(log);
  }
}

/** The process that we started for this service, if it still runs. */
export const findProcess = async (name: string): Promise<RunningProcess | undefined> => findNoted(pidFile(name));

/** Ends the process: the given signal first, SIGKILL to its whole group after a while. */
export const stopProcess = (name: string, signal: NodeJS.Signals, graceMs = 20_000): Promise<void> =>
  stopNoted(pidFile(name), { signal, graceMs });
