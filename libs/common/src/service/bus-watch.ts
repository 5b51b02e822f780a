import { setTimeout as sleep } from 'node:timers/promises';
import type { BusClient } from '#common/bus/kafka-client.js';
import { ensureTopics } from '#common/bus/topics.js';
import { toBackoffMs } from '#common/domain/backoff.js';
import { toAppError } from '#common/errors/app-error.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import { inBackground } from './in-background.js';
import type { Installation } from './installation.js';

export interface BusWatch {
  /** `ok`, or why not, as of the last look. */
  readonly state: string;
  readonly stop: () => Promise<unknown>;
}

type BusOptions = NonNullable<Installation['config']['bus']>;

export interface BusWatchDeps {
  readonly kafka: BusClient;
  readonly bus: BusOptions;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'busConnected'>;
}

const BACKOFF = { firstMs: 500, maxMs: 10_000 };
const LOOK_EVERY_MS = 5_000;

/**
 * Makes the topics as soon as the bus answers, once: a topic that an operator deletes later stays away. Goes on looking, so that
 * `/health` answers at once, without a wait for the bus.
 */
export function watchBus({ kafka, bus, logger, metrics }: BusWatchDeps): BusWatch {
  const { topicPrefix, topicPartitions: partitions, topicReplication: replicationFactor } = bus;
  let create = bus.createTopics;
  let isEnsured = false;
  let state = 'has not answered yet';
  const look = async (): Promise<void> => {
    const { created } = await ensureTopics(kafka, { topicPrefix, create, partitions, replicationFactor });
    if (created.length > 0) logger.info({ created }, 'topics created');
    [create, isEnsured, state] = [false, true, 'ok'];
  };
  const tryLook = async (failures: number): Promise<number> => {
    try {
      await look();
      return 0;
    } catch (error) {
      const problem = toAppError(error);
      if (problem.message !== state || !isEnsured) logger.warn({ err: problem, failures }, 'topics are not ready');
      state = problem.message;
      return failures + 1;
    }
  };
  const background = inBackground(async (stopping) => {
    for (let failures = 0; !stopping.aborted; ) {
      failures = await tryLook(failures);
      metrics.busConnected.set(failures === 0 ? 1 : 0);
      const waitMs = failures === 0 || isEnsured ? LOOK_EVERY_MS : toBackoffMs(failures, BACKOFF, Math.random());
      await sleep(waitMs, undefined, { signal: stopping }).catch(() => undefined);
    }
  });
  return {
    get state() {
      return state;
    },
    stop: () => background.stop(),
  };
}
