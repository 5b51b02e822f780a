import { readBusPosition } from '../bus/bus-position.js';
import type { BusClient } from '../bus/kafka-client.js';
import { KafkaCluster } from '../bus/kafka-cluster.js';
import type { BusPosition } from '../contracts/bus-position.js';
import type { Installation } from './installation.js';

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
