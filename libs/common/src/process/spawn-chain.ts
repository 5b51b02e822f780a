import { pipeline, type Readable, Transform } from 'node:stream';
import { type ChildEnd, type Command, DEFAULT_KILL_AFTER_MS } from './command.js';
import { findCulprit, isSuccess, toExitError } from './exit-error.js';
import { feedStdin } from './feed-stdin.js';
import { SupervisedChild } from './supervised-child.js';

export interface SpawnChainOptions {
  readonly signal: AbortSignal;
  /** From SIGTERM to SIGKILL, when stopped. */
  readonly killAfterMs?: number;
  /** Fed to the first child; without it its stdin is empty. */
  readonly input?: Readable;
  readonly onStderrLine?: (line: string, program: string) => void;
}

export interface Chain {
  /** Ends only after every child exited 0; otherwise errors like `ended`. Destroying it stops the chain. */
  readonly stdout: Readable;
  /**
   * In the order of the commands, when every child is gone. Never an unhandled rejection.
   * Throws: engine.spawn, engine.exit naming the first to blame; the abort reason; the input's or the reader's own error.
   */
  readonly ended: Promise<readonly ChildEnd[]>;
  readonly pids: readonly number[];
}

/**
 * `a | b | c` with the pipes in the kernel. All children start in this one synchronous tick: an `await` between two of them
 * would let Node read from a pipe that belongs to the next child, and bytes would be lost with every exit status 0.
 * One failure stops all: a producer that died looks like a clean end of input to its consumer.
 */
export function spawnChain(commands: readonly Command[], o: SpawnChainOptions): Chain {
  const run = new ChainRun(o);
  if (!o.signal.aborted) run.start(commands);
  const ended = run.waitForEnd();
  const stdout = toGuardedOutput(run, ended);
  ended.catch((error) => stdout.destroy(error as Error));
  return { stdout, ended, pids: run.children.flatMap(({ pid }) => pid ?? []) };
}

class ChainRun {
  readonly children: SupervisedChild[] = [];
  private stopReason: { readonly reason: unknown } | undefined;
  private spawnError: unknown;
  private readonly onAbort = () => this.stop(this.o.signal.reason);

  constructor(private readonly o: SpawnChainOptions) {
    if (o.signal.aborted) this.stopReason = { reason: o.signal.reason };
  }

  start(commands: readonly Command[]): void {
    try {
      for (const command of commands) if (!this.startNext(command)) break;
    } catch (error) {
      this.spawnError = error;
      this.stopAll();
    }
    this.o.signal.addEventListener('abort', this.onAbort, { once: true });
    const first = this.children[0];
    if (this.o.input !== undefined && first?.pid !== undefined) {
      feedStdin(this.o.input, first.stdin).catch((error) => this.stop(error));
    }
  }

  /** The first reason given is the one reported. */
  stop(reason: unknown): void {
    this.stopReason ??= { reason };
    this.stopAll();
  }

  async waitForEnd(): Promise<readonly ChildEnd[]> {
    const results = await Promise.allSettled(this.children.map((child) => this.watch(child)));
    this.o.signal.removeEventListener('abort', this.onAbort);
    if (this.stopReason) throw this.stopReason.reason;
    if (this.spawnError !== undefined) throw this.spawnError;
    const ends = settledEnds(results);
    const culprit = findCulprit(this.sortByExit(ends));
    if (culprit) throw toExitError(culprit, ends);
    return ends;
  }

  private async watch(child: SupervisedChild): Promise<ChildEnd> {
    try {
      const end = await child.ended;
      // The others may wait for a database lock or a network: they would not notice by themselves.
      if (!isSuccess(end)) this.stopAll();
      return end;
    } catch (error) {
      this.spawnError ??= error;
      this.stopAll();
      throw error;
    }
  }

  /** Every child has ended here: one end for each. */
  private sortByExit(ends: readonly ChildEnd[]): readonly ChildEnd[] {
    return this.children
      .map(({ exitedAtMs }, i) => ({ exitedAtMs, end: ends[i] }))
      .sort((a, b) => a.exitedAtMs - b.exitedAtMs)
      .flatMap(({ end }) => end ?? []);
  }

  private startNext(command: Command): boolean {
    const previous = this.children.at(-1);
    const { onStderrLine, input, killAfterMs = DEFAULT_KILL_AFTER_MS } = this.o;
    const child = new SupervisedChild(command, {
      stdin: previous?.stdout ?? (input === undefined ? 'ignore' : 'pipe'),
      killAfterMs,
      onStderrLine: onStderrLine && ((line) => onStderrLine(line, command.program)),
    });
    this.children.push(child);
    // Ours is a copy of the pipe's reading end: while it is open, the producer would never learn that its consumer died.
    previous?.stdout.destroy();
    return child.pid !== undefined;
  }

  private stopAll(): void {
    for (const child of this.children) child.stop();
  }
}

function toGuardedOutput(run: ChainRun, ended: Promise<unknown>): Transform {
  const output = new Transform({
    transform: (chunk, _encoding, done) => done(null, chunk),
    flush: (done) => {
      ended.then(() => done(), done);
    },
  });
  const last = run.children.at(-1);
  if (last?.pid !== undefined) {
    pipeline(last.stdout, output, (error) => {
      if (error) run.stop(output.errored ?? error);
    });
  }
  output.on('error', () => undefined);
  return output;
}

function settledEnds(results: readonly PromiseSettledResult<ChildEnd>[]): ChildEnd[] {
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
