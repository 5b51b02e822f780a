import type { Kafka } from 'kafkajs';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { readRange } from '#common/bus/read-range.js';
import { ask } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { ORDERS, SEEN_ORDERS } from './estate.js';
import type { Work } from './works.js';

/** The projector has seen everything: between the backup and now lie the orders that a replay brings again. */
const seeEverything = (cluster: Cluster): Promise<void> => moveProjector(cluster, ORDERS);

/** As it was at first: a backup that is taken then has something to replay after it. */
export const seeHalf = (cluster: Cluster): Promise<void> => moveProjector(cluster, SEEN_ORDERS);

/** It has read every copy, too: those that still wait for it are not made again. */
async function moveProjector({ bus, estate }: Cluster, orders: number): Promise<void> {
  const { projector: groupId, ordersTopic, copiesTopic } = estate;
  await withAdmin(bus.kafka, async (admin) => {
    const [end] = await admin.fetchTopicOffsets(copiesTopic);
    await admin.setOffsets({ groupId, topic: ordersTopic, partitions: [{ partition: 0, offset: String(orders) }] });
    await admin.setOffsets({ groupId, topic: copiesTopic, partitions: [{ partition: 0, offset: end?.offset ?? '0' }] });
  });
}

async function withAdmin<T>(kafka: Kafka, work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  return work(admin).finally(() => admin.disconnect());
}

/** Moves the projector back to where the backup saw it. */
export const replayReset: Work = {
  name: 'replay (reset)',
  family: 'replay',
  prepare: seeEverything,
  ask: (cluster) => ask(cluster, 'replay.requested', { dataset: 'shop', mode: 'reset', backup: 'latest' }),
  findBroken: async ({ bus, estate }) => {
    const { projector: groupId, ordersTopic } = estate;
    const found = await withAdmin(bus.kafka, (admin) => admin.fetchOffsets({ groupId, topics: [ordersTopic] }));
    const offset = found[0]?.partitions[0]?.offset;
    return offset === String(SEEN_ORDERS) ? [] : [`the projector stands at ${offset}`];
  },
};

/** Writes the orders since the backup again, in more than one transaction. */
export const replayRepublish: Work = {
  name: 'replay (republish)',
  family: 'replay',
  prepare: seeEverything,
  ask: (cluster) =>
    ask(cluster, 'replay.requested', {
      ...{ dataset: 'shop', mode: 'republish', backup: 'latest' },
      ...{ destination: cluster.estate.copiesTopic, recordsPerSecond: 100 },
    }),
  findBroken: async (cluster) => {
    const copied = await readWaitingCopies(cluster);
    const wanted = Array.from({ length: ORDERS - SEEN_ORDERS }, (_, n) => String(SEEN_ORDERS + n));
    return copied.join() === wanted.join() ? [] : [`${copied.length} orders wait for the projector: ${copied}`];
  },
};

/**
 * Offsets of the originals, in the order in which a reader of what is committed gets their copies. Whichever replay wrote them: of two
 * that are asked for the same orders, one copies and the other finds the copies.
 */
async function readWaitingCopies({ bus, estate }: Cluster): Promise<string[]> {
  const { copiesTopic: topic, projector: groupId } = estate;
  const [fromOffset, toOffset] = await withAdmin(bus.kafka, async (admin) => {
    const [seen] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const [end] = await admin.fetchTopicOffsets(topic);
    return [BigInt(seen?.partitions[0]?.offset ?? 0), BigInt(end?.offset ?? 0)];
  });
  const cluster = await KafkaCluster.open(bus.kafka);
  try {
    const range = { topic, partition: 0, fromOffset, toOffset };
    const copied: string[] = [];
    for await (const { records } of readRange(cluster, range, { signal: AbortSignal.timeout(20_000) })) {
      copied.push(...records.map(({ headers }) => String(headers['holdfast-original-offset'])));
    }
    return copied;
  } finally {
    await cluster.close();
  }
}
