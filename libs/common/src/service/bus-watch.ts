import type { BusClient } from '#common/bus/kafka-client.js';
import { ensureTopics } from '#common/bus/topics/topics.js';
import { toAppError } from '#common/errors/app-error.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import { inBackground, repeat } from './background/background.js';
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

const LOOK_EVERY_MS = 5_000;
const BACKOFF = { firstMs: 500, maxMs: LOOK_EVERY_MS };

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
    metrics.busConnected.set(1);
  };
  const onFailure = (error: unknown, failures: number): void => {
    const problem = toAppError(error);
    if (problem.message !== state || !isEnsured) logger.warn({ err: problem, failures }, 'topics are not ready');
    state = problem.message;
    metrics.busConnected.set(0);
  };
  const options = { everyMs: LOOK_EVERY_MS, backoff: BACKOFF, onFailure };
  const background = inBackground((stopping) => repeat(look, options, stopping));
  return {
    get state() {
      return state;
    },
    stop: () => background.stop(),
  };
}
