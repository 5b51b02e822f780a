import { Channels } from '#common/catalog/channels.js';
import { type Backoff, toBackoffMs } from '#common/domain/backoff.js';
import type { RunKind } from '#common/domain/run.js';
import { AppError } from '#common/errors/app-error.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import { Wake } from '../background/wake.js';
import { followClock } from '../follow-clock.js';
import { REQUEST_VERSIONS } from '../requests/request-versions.js';
import type { AttemptOptions } from './attempt-options.js';
import { type Attempt, startAttempt } from './run-attempt.js';
import { settleDue } from './settle-due.js';

export interface RunLoopOptions extends Omit<AttemptOptions, 'retry'> {
  readonly kinds: readonly RunKind[];
  /** Unique per process, so that a restarted worker is another one. */
  readonly owner: string;
  /** Runs held at once by this process. */
  readonly concurrency: number;
  /** Runs held at once, by all processes, that read from one host. */
  readonly slotsPerSourceHost: number;
  /** How often to look when no notification comes. Default 2 s. */
  readonly pollMs?: number;
  /** How long running work may go on after `stop`, before it is aborted and given back. Default 5 s. */
  readonly drainMs?: number;
  /** How long aborted work may take to end; what takes longer is left to the expiry of its claim. Default 15 s. */
  readonly abortMs?: number;
  readonly retry?: Backoff;
  readonly metrics?: Metrics;
}

export interface RunLoop {
  /** Claims nothing more, lets running work end or gives it back, and resolves when nothing of this process works any more. */
  stop(): Promise<void>;
  /** What `stop` takes at most. */
  readonly stopsWithinMs: number;
}

/** Both together, and what has to close besides, fit into the half minute after which orchestrators kill. */
const DRAIN_MS = 5_000;
const ABORT_MS = 15_000;
/** For the claim that is being asked for, and for what is given back. */
const SLACK_MS = 2_000;
const POLL_MS = 2_000;
const RETRY = { firstMs: 5_000, maxMs: 300_000 };
const CATALOG_BACKOFF = { firstMs: 250, maxMs: 5_000 };

/** Claims runs as long as there are slots, and works on each under a claim that it keeps alive. */
export function startRunLoop(options: RunLoopOptions): RunLoop {
  const { drainMs = DRAIN_MS, abortMs = ABORT_MS, retry = RETRY } = options;
  const loop = new ClaimLoop({ ...options, drainMs, abortMs, retry });
  return { stop: () => loop.stop(), stopsWithinMs: drainMs + abortMs + SLACK_MS };
}

type WholeOptions = RunLoopOptions & Required<Pick<RunLoopOptions, 'drainMs' | 'abortMs' | 'retry'>>;

class ClaimLoop {
  private readonly wake = new Wake();
  /** Not by run: an attempt that was lost may still be ending while this process already holds the next one. */
  private readonly attempts = new Set<Attempt>();
  private readonly unlisten: Promise<(() => void)[]>;
  private readonly looping: Promise<void>;
  private isStopping = false;
  /** By performance.now(): sweeps come at their own pace, however often the loop is woken. */
  private sweepAtMs = 0;

  constructor(private readonly options: WholeOptions) {
    const { catalog } = options;
    this.unlisten = Promise.all([
      catalog.listen(Channels.runQueued, () => this.wake.call()),
      catalog.listen(Channels.runCancelled, (runId) => this.onCancelled(runId)),
    ]);
    this.countSlots();
    this.looping = this.loop();
  }

  async stop(): Promise<void> {
    const { drainMs, abortMs, logger } = this.options;
    this.isStopping = true;
    this.wake.call();
    for (const end of await this.unlisten) end();
    await this.looping;
    if (await this.endsWithin(drainMs)) return;
    for (const attempt of this.attempts) {
      attempt.abort(new AppError('run.interrupted', 'the worker is shutting down'));
    }
    if (await this.endsWithin(abortMs)) return;
    logger.error(
      { runIds: [...this.attempts].map(({ run }) => run.id) },
      'work did not end when aborted; left to the expiry of its claims',
    );
  }

  private async loop(): Promise<void> {
    const { pollMs = POLL_MS, logger } = this.options;
    for (let failures = 0; !this.isStopping; ) {
      try {
        await this.settleUnheld();
        await this.fillSlots();
        failures = 0;
      } catch (error) {
        failures += 1;
        logger.error({ err: error, failures }, 'looking for runs failed');
      }
      const waitMs = failures === 0 ? pollMs : toBackoffMs(failures, CATALOG_BACKOFF, Math.random());
      if (!this.isStopping) await this.wake.wait(waitMs);
    }
  }

  private async fillSlots(): Promise<void> {
    const { catalog, kinds, owner, claimTtlMs: ttlMs, concurrency, slotsPerSourceHost } = this.options;
    const slots = { owner: concurrency, sourceHost: slotsPerSourceHost };
    while (!this.isStopping && this.attempts.size < concurrency) {
      const askedAtMs = performance.now();
      const options = { kinds, versions: REQUEST_VERSIONS, owner, ttlMs, slots };
      const fresh = await catalog.transaction((tx) => tx.runs.claimNext(options));
      if (fresh === undefined) return;
      this.follow(startAttempt(fresh, askedAtMs, this.options));
    }
  }

  private follow(attempt: Attempt): void {
    const { kind } = attempt.run;
    const { metrics } = this.options;
    const startedAtMs = performance.now();
    this.attempts.add(attempt);
    metrics?.runsHeld.inc({ kind });
    this.countSlots();
    void attempt.ended.then(({ end, code }) => {
      this.attempts.delete(attempt);
      metrics?.runsHeld.dec({ kind });
      this.countSlots();
      metrics?.attemptsEnded.inc({ kind, end, code });
      metrics?.attemptSeconds.observe({ kind, end }, (performance.now() - startedAtMs) / 1_000);
      if (end === 'lost') metrics?.claimsLost.inc({ kind });
      this.wake.call();
    });
  }

  private countSlots(): void {
    const { concurrency, metrics } = this.options;
    metrics?.workerSlots.set({ state: 'used' }, this.attempts.size);
    metrics?.workerSlots.set({ state: 'free' }, Math.max(0, concurrency - this.attempts.size));
  }

  private async settleUnheld(): Promise<void> {
    if (performance.now() < this.sweepAtMs) return;
    this.sweepAtMs = performance.now() + (this.options.pollMs ?? POLL_MS);
    await followClock(this.options);
    await settleDue(this.options);
  }

  private onCancelled(runId: string | undefined): void {
    for (const attempt of this.attempts) if (runId === undefined || attempt.run.id === runId) void attempt.look();
    this.sweepAtMs = 0;
    this.wake.call();
  }

  private async endsWithin(timeoutMs: number): Promise<boolean> {
    const all = Promise.all([...this.attempts].map(({ ended }) => ended)).then(() => true);
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    return await Promise.race([all, late]).finally(() => clearTimeout(timer));
  }
}
