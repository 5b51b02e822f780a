import { findNoted, type NotedProcess, startNoted, stopNoted } from '#tools/process/noted-process.js';
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

/** Starts a process that outlives us, and remembers it. Its output goes to the service's log. Throws: the error of the start. */
export async function launch(name: string, { port, ...start }: Launch): Promise<void> {
  const child = startNoted(pidFile(name), { ...start, logFile: logFile(name), more: { port } });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
}

/** The process that we started for this service, if it still runs. */
export const findProcess = async (name: string): Promise<RunningProcess | undefined> => findNoted(pidFile(name));

/** Ends the process: the given signal first, SIGKILL to its whole group after a while. */
export const stopProcess = (name: string, signal: NodeJS.Signals, graceMs = 20_000): Promise<void> =>
  stopNoted(pidFile(name), { signal, graceMs });
