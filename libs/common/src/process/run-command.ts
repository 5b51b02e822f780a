import type { Readable } from 'node:stream';
import { AppError } from '#common/errors/app-error.js';
import { type ChildEnd, type Command, DEFAULT_KILL_AFTER_MS } from './command.js';
import { toExitError } from './exit-error.js';
import { feedStdin } from './feed-stdin.js';
import { SupervisedChild } from './supervised-child.js';

export interface RunCommandOptions {
  readonly signal: AbortSignal;
  /** Without it stdin is empty. */
  readonly input?: Readable | string;
  /** Default: 0 only. */
  readonly acceptExitCodes?: readonly number[];
  /** From SIGTERM to SIGKILL, when aborted. */
  readonly killAfterMs?: number;
  /** More than this on stdout is an error, not a cut. Default 64 MiB. */
  readonly maxStdoutBytes?: number;
  readonly onStderrLine?: (line: string) => void;
}

/**
 * Runs one command to its end and returns how it ended, with its whole stdout as UTF-8. Settles only when the child is gone.
 * Throws: engine.spawn (absent or not executable), engine.exit {program, exitCode, signal, stderrTail}; the abort reason; the input's own error.
 */
export async function runCommand(command: Command, o: RunCommandOptions): Promise<ChildEnd & { stdout: string }> {
  o.signal.throwIfAborted();
  const child = new SupervisedChild(command, {
    stdin: o.input === undefined ? 'ignore' : 'pipe',
    killAfterMs: o.killAfterMs ?? DEFAULT_KILL_AFTER_MS,
    onStderrLine: o.onStderrLine,
  });
  const stopped = new AbortController();
  const stop = (reason: unknown) => {
    stopped.abort(reason);
    child.stop();
    // What escaped the group may hold stdout open: it is not waited for.
    child.ended.finally(() => child.stdout.destroy()).catch(() => undefined);
  };
  const onAbort = () => stop(o.signal.reason);
  o.signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (o.input !== undefined && child.pid !== undefined) feedStdin(o.input, child.stdin).catch(stop);
    const reading = collect(child, o.maxStdoutBytes ?? 64 << 20, stop);
    const end = await child.ended;
    const stdout = await reading;
    stopped.signal.throwIfAborted();
    if (end.exitCode === null || !(o.acceptExitCodes ?? [0]).includes(end.exitCode)) throw toExitError(end);
    return { ...end, stdout };
  } finally {
    o.signal.removeEventListener('abort', onAbort);
  }
}

function collect(child: SupervisedChild, limitBytes: number, stop: (reason: unknown) => void): Promise<string> {
  const { program } = child.command;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= limitBytes) chunks.push(chunk);
    else stop(new AppError('engine.exit', `${program} wrote more than ${limitBytes} bytes`, { program, limitBytes }));
  });
  return new Promise((resolve) => {
    child.stdout.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
    child.stdout.on('error', stop);
  });
}
