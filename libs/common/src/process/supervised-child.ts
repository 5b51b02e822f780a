import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { toChildEnvironment } from './base-environment.js';
import type { ChildEnd, Command } from './command.js';
import { toParentMark } from './parent-mark.js';
import { StderrTail } from './stderr-tail.js';

/** How long stderr is waited for after the exit: a daemon that the child left behind may hold it open for ever. */
const STDERR_GRACE_MS = 1_000;

export interface SuperviseOptions {
  /** A stream is the previous child's stdout: the kernel connects the two. */
  readonly stdin: 'ignore' | 'pipe' | Readable;
  readonly killAfterMs: number;
  readonly onStderrLine: ((line: string) => void) | undefined;
}

/** One child in a process group of its own, so that nothing it started outlives a stop. */
export class SupervisedChild {
  /** Settles when the child is gone, whatever its exit status; what it wrote to stdout may still be unread. Throws: engine.spawn. */
  readonly ended: Promise<ChildEnd>;
  private readonly child: ChildProcess;
  private killTimer: NodeJS.Timeout | undefined;
  private exitMs: number | undefined;

  /** Throws: engine.spawn, for what the operating system refuses at once (an argument list too long, say). */
  constructor(
    readonly command: Command,
    private readonly o: SuperviseOptions,
  ) {
    this.child = spawnDetached(command, o.stdin);
    this.ended = this.waitForEnd();
    this.ended.catch(() => undefined);
  }

  /** Undefined when the program could not be started; `ended` then says why. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** When it exited, by the monotonic clock; `ended` may settle later, for stderr is read to its end. */
  get exitedAtMs(): number {
    return this.exitMs ?? Number.POSITIVE_INFINITY;
  }

  get stdout(): Readable {
    return this.child.stdout as Readable;
  }

  get stdin(): Writable {
    return this.child.stdin as Writable;
  }

  /** SIGTERM to the whole group, SIGKILL to what is left of it after the grace time. Idempotent. */
  stop(): void {
    if (this.killTimer !== undefined || this.pid === undefined) return;
    if (this.exitMs !== undefined) {
      this.stopLeftovers();
      return;
    }
    this.signalGroup('SIGTERM');
    this.killTimer = setTimeout(() => this.signalGroup('SIGKILL'), this.o.killAfterMs);
  }

  /** The leader is gone: while something holds its stdout, the group still has members and its number is still ours. */
  private stopLeftovers(): void {
    if (!this.stdout.closed) this.signalGroup('SIGKILL');
  }

  private async waitForEnd(): Promise<ChildEnd> {
    const stderr = this.child.stderr as Readable;
    const tail = new StderrTail(stderr, this.o.onStderrLine);
    const stderrClosed = once(stderr, 'close').catch(() => undefined);
    const [exitCode, signal] = await this.waitForExit();
    this.exitMs = performance.now();
    clearTimeout(this.killTimer);
    // A leader that succeeded may leave a daemon on purpose (pg_ctl start); one that failed or was stopped may not.
    if (exitCode !== 0) this.signalGroup('SIGKILL');
    await settleWithin(stderrClosed, STDERR_GRACE_MS);
    stderr.destroy();
    return { program: this.command.program, exitCode, signal, stderrTail: tail.text };
  }

  private async waitForExit(): Promise<[number | null, string | null]> {
    try {
      return (await once(this.child, 'exit')) as [number | null, string | null];
    } catch (error) {
      throw toSpawnError(this.command, error);
    }
  }

  private signalGroup(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group is gone already, or belongs to another user: there is nothing more to do to it.
    }
  }
}

function spawnDetached({ program, args, env, cwd, user }: Command, stdin: SuperviseOptions['stdin']): ChildProcess {
  try {
    return spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      ...user,
      // Last: a sweeper that finds the child without its parent may end it.
      env: { ...toChildEnvironment(env), ...toParentMark() },
      detached: true,
      stdio: [stdin, 'pipe', 'pipe'],
    });
  } catch (error) {
    throw toSpawnError({ program, args }, error);
  }
}

function toSpawnError({ program }: Command, cause: unknown): AppError {
  const reason = (cause as NodeJS.ErrnoException).code ?? toText(cause);
  return new AppError('engine.spawn', `cannot start ${program}: ${reason}`, { program, reason }, { cause });
}

async function settleWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([promise, sleep(limitMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}
