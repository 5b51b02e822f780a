import { setTimeout as sleep } from 'node:timers/promises';
import type { BusLogger } from '#common/bus/kafka-logger.js';
import { toBackoffMs } from '#common/domain/backoff.js';
import { AppError } from '#common/errors/app-error.js';

export interface Patience {
  /** Keeps our place in the group; what it throws (a rebalance) is for kafkajs. */
  readonly heartbeat: () => Promise<void>;
  readonly heartbeatMs: number;
  /** Before the second try; doubles up to thirty times this. */
  readonly backoffMs: number;
  readonly signal: AbortSignal;
  readonly logger: BusLogger;
}

/**
 * Does the work until it succeeds or fails for good, without losing the place in the group: heartbeats go on while it runs and
 * between the tries. Throws: the first AppError that is not retryable; what a heartbeat throws; the signal's reason.
 */
export async function keepTrying(work: () => Promise<void>, patience: Patience): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    patience.signal.throwIfAborted();
    const failure = await tryOnce(work, patience);
    if (failure === undefined) return;
    if (!failure.retryable) throw failure;
    const waitMs = toBackoffMs(tries, { firstMs: patience.backoffMs, maxMs: patience.backoffMs * 30 }, Math.random());
    patience.logger.warn({ code: failure.code, tries, waitMs }, `trying again: ${failure.message}`);
    await waitAlive(waitMs, patience);
  }
}

/** A lost heartbeat does not matter when the work succeeded: kafkajs notices by itself, after the offset is resolved. */
async function tryOnce(work: () => Promise<void>, patience: Patience): Promise<AppError | undefined> {
  let lost: { readonly error: unknown } | undefined;
  const beat = (): void => {
    patience.heartbeat().catch((error: unknown) => {
      lost ??= { error };
    });
  };
  const timer = setInterval(beat, patience.heartbeatMs);
  try {
    await work();
    return undefined;
  } catch (error) {
    if (lost !== undefined) throw lost.error;
    if (error instanceof AppError) return error;
    throw error;
  } finally {
    clearInterval(timer);
  }
}

async function waitAlive(waitMs: number, { heartbeat, heartbeatMs, signal }: Patience): Promise<void> {
  for (let left = waitMs; left > 0; left -= heartbeatMs) {
    await sleep(Math.min(left, heartbeatMs), undefined, { signal });
    await heartbeat();
  }
}
