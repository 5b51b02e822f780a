import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildEnd, type Command, DEFAULT_KILL_AFTER_MS } from './command.js';
import { PARENT_MARK } from './parent-mark.js';
import { StderrTail } from './stderr-tail.js';
import { SupervisedChild } from './supervised-child.js';

export interface RunProgramOptions {
  readonly signal: AbortSignal;
  /** A line of stdout or stderr, as it comes. */
  readonly onLine: (line: string) => void;
}

/** How long stdout is waited for after the exit: a service that the program started may hold it open for ever. */
const STDOUT_GRACE_MS = 1_000;

/**
 * Runs a program of the operator's to its end, whatever its exit status. It may leave services running that are its purpose, so that neither
 * it nor they carry the mark by which sweepers know what a killed Holdfast left behind. Stopped, its whole process group goes.
 * Throws: engine.spawn; the abort reason.
 */
export async function runProgram(
  { program, args, env = {}, ...rest }: Command,
  { signal, onLine }: RunProgramOptions,
): Promise<ChildEnd & { readonly stdoutTail: string }> {
  signal.throwIfAborted();
  const unmarked = { ...rest, env, program: 'env', args: ['-u', PARENT_MARK, program, ...args] };
  const options = { stdin: 'ignore' as const, killAfterMs: DEFAULT_KILL_AFTER_MS, onStderrLine: onLine };
  const child = new SupervisedChild(unmarked, options);
  const stdout = new StderrTail(child.stdout, onLine);
  const closed = once(child.stdout, 'close').catch(() => undefined);
  const stop = (): void => child.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const end = await child.ended;
    await Promise.race([closed, sleep(STDOUT_GRACE_MS, undefined, { ref: false })]);
    child.stdout.destroy();
    signal.throwIfAborted();
    return { ...end, program, stdoutTail: stdout.text };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
