import type { Catalog } from '#common/catalog/catalog.js';
import { RunKinds } from '#common/domain/run.js';
import { type Background, inBackground, repeat } from '#common/service/background/background.js';
import type { EventWriter } from '#common/service/event-writer.js';
import { followClock } from '#common/service/follow-clock.js';
import { settleDue } from '#common/service/runs/settle-due.js';
import { tellFailure } from '#common/service/runs/tell-failure.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';

export interface SettlingDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Only executors reach the servers where a vanished one may have left something that works on. */
  readonly restoresAfterMs: number;
}

/** Workers settle what is due as well, and sooner. */
const EVERY_MS = 5_000;
const BACKOFF = { firstMs: 1_000, maxMs: 30_000 };

/**
 * Every run comes to its end although no worker is up: cancelled, overdue or out of attempts, it is settled with its event. Restores whose
 * executor vanished come later than others.
 */
export function startSettling({ events, ...deps }: SettlingDeps): Background {
  const options = { ...deps, kinds: RunKinds, onFailed: tellFailure(events) };
  const settle = async () => {
    await followClock(options);
    await settleDue(options);
  };
  const onFailure = (error: unknown, failures: number) =>
    deps.logger.warn({ err: error, failures }, 'looking for runs that are due to be settled failed');
  return inBackground((stopping) => repeat(settle, { everyMs: EVERY_MS, backoff: BACKOFF, onFailure }, stopping));
}
