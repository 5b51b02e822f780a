import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

export interface ChildResult {
  /** Exited 0, in time and unasked. */
  readonly isOk: boolean;
  readonly stdout: string;
  /** What it wrote to stdout and stderr, as it came; empty when it wrote to our own. */
  readonly output: string;
  readonly durationMs: number;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly signal: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** `capture` keeps the output for the result, `show` lets the child write to our own stderr and stdout. */
  readonly output: 'capture' | 'show';
  readonly timeoutMs?: number;
}

const killAfterMs = 10_000;

/**
 * Runs one command to its end. It leads a process group of its own, so that an abort reaches what it started as well:
 * first SIGTERM, then SIGKILL. Never rejects: a command that cannot be started is a result that is not ok.
 */
export async function runChild(file: string, args: readonly string[], o: ChildOptions): Promise<ChildResult> {
  const { output, signal, timeoutMs, ...options } = o;
  const startedAt = performance.now();
  const [chunks, stdout]: [Buffer[], Buffer[]] = [[], []];
  const note = (text: string) => chunks.push(Buffer.from(`${text}\n`));
  const stdio = output === 'show' ? 'inherit' : 'pipe';
  const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', stdio, stdio] });
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));

  const ended = new Promise<boolean>((resolve) => {
    child.on('error', (error) => {
      note(error.message);
      resolve(false);
    });
    child.on('close', (code) => resolve(code === 0));
  });
  const stop = (why: string) => {
    note(why);
    killGroup(child.pid, 'SIGTERM');
    setTimeout(() => killGroup(child.pid, 'SIGKILL'), killAfterMs).unref();
  };
  const onAbort = () => stop('interrupted');
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => stop(`not done after ${timeoutMs} ms`), timeoutMs);
  const exitedWell = await ended;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  return {
    isOk: exitedWell && !signal.aborted,
    stdout: Buffer.concat(stdout).toString('utf8'),
    output: Buffer.concat(chunks).toString('utf8'),
    durationMs: performance.now() - startedAt,
  };
}

export type CommandOptions = Partial<Omit<ChildOptions, 'output'>>;

/** Runs a command to its end and returns its stdout. Throws with the last lines of its output when it fails. Default: ten minutes. */
export async function runCommand(file: string, args: readonly string[], o: CommandOptions = {}): Promise<string> {
  const { signal = new AbortController().signal, timeoutMs = 600_000, ...options } = o;
  const { isOk, stdout, output } = await runChild(file, args, { ...options, signal, timeoutMs, output: 'capture' });
  if (isOk) return stdout;
  throw new Error(`${file} ${args.slice(0, 2).join(' ')} failed: ${lastLines(output, 8)}`);
}

/** The last lines that say something, without terminal colours. */
export function lastLines(text: string, count: number): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.slice(-count).join('\n  ');
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // ESRCH: the whole group is gone already.
  }
}
