import { spawn } from 'node:child_process';

export interface ChildResult {
  /** Exited 0, in time and unasked. */
  readonly isOk: boolean;
  /** What it wrote to stdout and stderr, as it came; empty when it wrote to our own. */
  readonly output: string;
  readonly durationMs: number;
}

export interface ChildOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  /** `capture` keeps the output for the result, `show` lets the child write to our own stderr and stdout. */
  readonly output: 'capture' | 'show';
  readonly timeoutMs?: number;
}

const killAfterMs = 10_000;

/**
 * Runs one command to its end. It leads a process group of its own, so that an abort reaches what it started as well:
 * first SIGTERM, then SIGKILL. Never rejects: a command that cannot be started is a result that is not ok.
 */
export async function runChild(file: string, args: readonly string[], options: ChildOptions): Promise<ChildResult> {
  const { cwd, env = process.env, output, signal, timeoutMs } = options;
  const startedAt = performance.now();
  const chunks: Buffer[] = [];
  const note = (text: string) => chunks.push(Buffer.from(`${text}\n`));
  const stdio = output === 'show' ? 'inherit' : 'pipe';
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', stdio, stdio] });
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));

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
    output: Buffer.concat(chunks).toString('utf8'),
    durationMs: performance.now() - startedAt,
  };
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // ESRCH: the whole group is gone already, which is what was asked for.
  }
}
