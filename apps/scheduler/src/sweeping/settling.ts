import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '#common/catalog/catalog.js';
import { toBackoffMs } from '#common/domain/backoff.js';
import { RunKinds } from '#common/domain/run.js';
import type { Facts } from '#common/service/facts.js';
import { followClock } from '#common/service/follow-clock.js';
import { type Background, inBackground } from '#common/service/in-background.js';
import { settleDue } from '#common/service/settle-due.js';
import { tellFailure } from '#common/service/tell-failure.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';

export interface SettlingDeps {
  readonly catalog: Catalog;
  readonly facts: Facts;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Only executors reach the servers where a vanished one may have left something that works on. */
  readonly restoresAfterMs: number;
}

/** Workers settle what is due as well, and sooner. */
const EVERY_MS = 5_000;
const BACKOFF = { firstMs: 1_000, maxMs: 30_000 };

/**
 * Every run comes to its end although no worker is up: cancelled, overdue or out of attempts, it is settled with its fact. Restores whose
 * executor vanished come later than others.
 */
export function startSettling(deps: SettlingDeps): Background {
  return inBackground((stopping) => keepSettling(deps, stopping));
}

async function keepSettling({ facts, ...deps }: SettlingDeps, stopping: AbortSignal): Promise<void> {
  const options = { ...deps, kinds: RunKinds, onFailed: tellFailure(facts) };
  for (let failures = 0; !stopping.aborted; ) {
    try {
      await followClock(options);
      await settleDue(options);
      failures = 0;
    } catch (error) {
      failures += 1;
      deps.logger.warn({ err: error, failures }, 'looking for runs that are due to be settled failed');
    }
    const waitMs = failures === 0 ? EVERY_MS : toBackoffMs(failures, BACKOFF, Math.random());
    await delay(waitMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}
