import { readBusPosition } from '#common/bus/bus-position.js';
import type { BusClient } from '#common/bus/kafka-client.js';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import type { Installation } from './installation.js';

const ANSWER_WITHIN_MS = 15_000;

/** Where a dataset's topics stand now; undefined for a dataset without topics. Throws: bus.unavailable, bus.topic-missing. */
export async function readDatasetPosition(
  installation: Installation,
  kafka: BusClient,
  dataset: string,
  signal: AbortSignal,
): Promise<BusPosition | undefined> {
  const { topics } = installation.datasetConfig(dataset);
  if (topics.length === 0) return undefined;
  const cluster = await KafkaCluster.open(kafka);
  try {
    return await readBusPosition(cluster, topics, { now: new Date(), signal });
  } finally {
    await cluster.close();
  }
}

/**
 * The same for a backup, which an outage of the bus must not stop: without an answer the position is stated as unproven, with the reason.
 * It is asked for while the tables are locked against DROP, so it is not waited for without end.
 */
export async function readPositionForBackup(
  ...args: Parameters<typeof readDatasetPosition>
): Promise<BusPosition | undefined> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new AppError('bus.unavailable', `no answer within ${ANSWER_WITHIN_MS} ms`)),
    ANSWER_WITHIN_MS,
  );
  try {
    return await Promise.race([readDatasetPosition(...args), late]);
  } catch (error) {
    const { code, message } = toAppError(error);
    if (code !== 'bus.unavailable') throw error;
    const takenAt = new Date().toISOString();
    return {
      state: 'unproven',
      reason: `the bus did not answer: ${message}`,
      takenAt,
      clusterId: '',
      topicIds: {},
      partitions: [],
    };
  } finally {
    clearTimeout(timer);
  }
}
