import type { Catalog } from '#common/catalog/catalog.js';
import type { OutboxEntry } from '#common/catalog/entities/outbox-entry.entity.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import type { UntypedEvent } from '#common/contracts/envelope.js';
import { toBackoffMs } from '#common/domain/backoff.js';
import { toAppError, toProblem } from '#common/errors/app-error.js';
import { pause } from '#common/service/background/background.js';
import { Wake } from '#common/service/background/wake.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import { HeldTopics } from './held-topics.js';

export interface RelayedEvent {
  readonly event: UntypedEvent;
  readonly topic: string;
  readonly key: string;
}

/**
 * Resolves once the bus has acknowledged all of them, written in this order per key; after an error some may have been written.
 * Throws: bus.refused when one of them can never be written; an error with a `kafkaError` when the bus is there and does not take some of
 * them for now, a partition without a leader, say; anything else when none can be written now.
 */
export type Publish = (events: readonly RelayedEvent[]) => Promise<void>;

export interface PumpOptions {
  readonly catalog: Catalog;
  readonly publish: Publish;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly pollMs?: number;
  readonly batchSize?: number;
  /** A bus that does not answer for this long may answer another process: the lease is released. Default 60 s. */
  readonly publishTimeoutMs?: number;
  /** The same once the relay is to stop. Default 3 s. */
  readonly stopTimeoutMs?: number;
}

interface PumpSignals {
  /** Fires before the lease can expire. */
  readonly lost: AbortSignal;
  readonly stopping: AbortSignal;
}

const BACKOFF = { firstMs: 250, maxMs: 30_000 };

/** Outbox → bus, batch after batch, as long as the lease is held. */
export class OutboxPump {
  private readonly added = new Wake();
  private readonly held = new HeldTopics(BACKOFF);

  constructor(private readonly options: PumpOptions) {}

  wake(): void {
    this.added.call();
  }

  async run(lease: LeaseRef, { lost, stopping }: PumpSignals): Promise<void> {
    const ended = AbortSignal.any([lost, stopping]);
    ended.addEventListener('abort', () => this.added.call(), { once: true });
    for (let failures = 0; !ended.aborted; ) {
      try {
        const isEmpty = (await this.moveBatch(lease, { lost, stopping })) === 0;
        failures = 0;
        if (isEmpty) await this.rest(ended);
      } catch (error) {
        if (lost.aborted || error instanceof PublishTimeout) throw error;
        failures += 1;
        this.options.logger.warn({ err: error, failures }, 'outbox not published');
        await pause(toBackoffMs(failures, BACKOFF, Math.random()), ended);
      }
    }
  }

  /** Returns how many entries were looked at. */
  private async moveBatch(lease: LeaseRef, signals: PumpSignals): Promise<number> {
    const { catalog, metrics, batchSize = 200 } = this.options;
    const { batch, lag } = await catalog.transaction(
      async (tx) => ({ batch: await tx.outbox.nextBatch(batchSize, this.held.waiting()), lag: await tx.outbox.lag() }),
      { until: signals.lost },
    );
    metrics?.outboxUnpublished.set(lag.unpublished);
    metrics?.outboxOldestAgeSeconds.set(lag.oldestAgeSeconds);
    if (batch.length > 0) await this.publishAll(batch, lease, signals);
    return batch.length;
  }

  /** Topics that failed last are tried each by itself, after all others. */
  private async publishAll(batch: readonly OutboxEntry[], lease: LeaseRef, signals: PumpSignals): Promise<void> {
    const suspects = batch.filter(({ topic }) => this.held.isSuspect(topic));
    const others = batch.filter(({ topic }) => !this.held.isSuspect(topic));
    const parts = [...(others.length > 0 ? [others] : []), ...byTopic(suspects)];
    for (const part of parts) await this.publishPart(part, lease, signals);
  }

  /**
   * What fails as one is tried in parts, so that only the culprit waits or is stepped over. Returns whether later events of its topic may
   * follow. Throws: what is wrong with the bus as a whole, or with us.
   */
  private async publishPart(part: readonly OutboxEntry[], lease: LeaseRef, signals: PumpSignals): Promise<boolean> {
    if (signals.stopping.aborted) return false;
    try {
      await this.publishAndMark(part, lease, signals);
      return true;
    } catch (error) {
      const { code, context } = toAppError(error);
      if (code === 'bus.refused') return this.publishRefused(part, error, { lease, signals });
      // No broker answered, or it is a defect of ours: all of it may pass later, events wait, they are not dropped.
      if (context['kafkaError'] === undefined) throw error;
      const topics = byTopic(part);
      if (topics.length > 1) for (const of of topics) await this.publishPart(of, lease, signals);
      else this.hold(part, error);
      return false;
    }
  }

  /** One by one, so that only what the bus refuses for good is stepped over; none overtakes an earlier one of its topic. */
  private async publishRefused(
    part: readonly OutboxEntry[],
    error: unknown,
    { lease, signals }: { readonly lease: LeaseRef; readonly signals: PumpSignals },
  ): Promise<boolean> {
    const [only] = part;
    if (part.length === 1 && only !== undefined) {
      await this.stepOver(only, error, lease);
      return true;
    }
    const ended = new Set<string>();
    for (const entry of part)
      if (!ended.has(entry.topic) && !(await this.publishPart([entry], lease, signals))) ended.add(entry.topic);
    return ended.size === 0;
  }

  private hold([first]: readonly OutboxEntry[], error: unknown): void {
    if (first === undefined) return;
    const { topic } = first;
    this.options.logger.warn({ err: error, topic, failures: this.held.hold(topic) }, 'topic held back: not published');
  }

  private async publishAndMark(batch: readonly OutboxEntry[], lease: LeaseRef, signals: PumpSignals): Promise<void> {
    const { catalog, publish, metrics } = this.options;
    const { lost } = signals;
    lost.throwIfAborted();
    await this.inTime(publish(batch), signals);
    await catalog.transaction(
      async (tx) => {
        await tx.leases.assertHeld(lease);
        await tx.outbox.markPublished(batch.map(({ id }) => id));
      },
      { until: lost },
    );
    for (const { topic } of batch) {
      this.held.release(topic);
      metrics?.outboxPublished.inc({ topic });
    }
  }

  /** A bus that hangs holds no relay beyond its lease, nor its shutdown. What it still writes then is a repetition, as after a crash. */
  private async inTime(publishing: Promise<void>, { lost, stopping }: PumpSignals): Promise<void> {
    const { publishTimeoutMs = 60_000, stopTimeoutMs = 3_000 } = this.options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const arm = (ms: number) =>
      setTimeout(() => reject(new PublishTimeout(`the bus did not answer within ${ms} ms`)), ms);
    const timers = [arm(publishTimeoutMs)];
    const onLost = () => reject(lost.reason);
    const onStop = () => timers.push(arm(stopTimeoutMs));
    lost.addEventListener('abort', onLost, { once: true });
    if (stopping.aborted) onStop();
    stopping.addEventListener('abort', onStop, { once: true });
    try {
      await Promise.race([publishing, late]);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      lost.removeEventListener('abort', onLost);
      stopping.removeEventListener('abort', onStop);
      publishing.catch(() => undefined);
    }
  }

  private async stepOver({ id, topic, eventId }: OutboxEntry, error: unknown, lease: LeaseRef): Promise<void> {
    const { catalog, logger, metrics } = this.options;
    const problem = toProblem(error);
    await catalog.transaction(async (tx) => {
      await tx.leases.assertHeld(lease);
      await tx.outbox.markRefused(id, problem);
    });
    logger.error({ err: error, topic, eventId }, 'event refused by the bus for good, and stepped over');
    metrics?.outboxRefused.inc({ topic, code: problem.code });
  }

  private async rest(ended: AbortSignal): Promise<void> {
    const { pollMs = 1_000 } = this.options;
    if (!ended.aborted) await this.added.wait(pollMs);
  }
}

const byTopic = (entries: readonly OutboxEntry[]): OutboxEntry[][] => [
  ...Map.groupBy(entries, ({ topic }) => topic).values(),
];

class PublishTimeout extends Error {
  override readonly name = 'PublishTimeout';
}
