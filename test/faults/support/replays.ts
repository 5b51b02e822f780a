import type { Kafka } from 'kafkajs';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { readRange } from '#common/bus/read-range.js';
import { type Asked, ask, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { ORDERS, SEEN_ORDERS } from './estate.js';
import type { Work } from './works.js';

/** The projector has seen everything: between the backup and now lie the orders that a replay brings again. */
async function seeEverything({ bus, estate }: Cluster): Promise<void> {
  const { projector: groupId, ordersTopic: topic } = estate;
  await withAdmin(bus.kafka, (admin) =>
    admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: String(ORDERS) }] }),
  );
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
  findBroken: async (cluster, asked) => {
    const copied = await readCopies(cluster, asked);
    const wanted = Array.from({ length: ORDERS - SEEN_ORDERS }, (_, n) => String(SEEN_ORDERS + n));
    return copied.join() === wanted.join() ? [] : [`replay ${runOf(asked)} copied ${copied.length} orders: ${copied}`];
  },
};

/** Offsets of the originals, in the order in which a reader of what is committed gets their copies. */
async function readCopies({ bus, estate }: Cluster, asked: Asked): Promise<string[]> {
  const { copiesTopic: topic } = estate;
  const [end] = await withAdmin(bus.kafka, (admin) => admin.fetchTopicOffsets(topic));
  const cluster = await KafkaCluster.open(bus.kafka);
  try {
    const range = { topic, partition: 0, fromOffset: 0n, toOffset: BigInt(end?.offset ?? 0) };
    const copied: string[] = [];
    for await (const { records } of readRange(cluster, range, { signal: AbortSignal.timeout(20_000) })) {
      for (const { headers } of records) {
        if (String(headers['holdfast-replay-id']) === runOf(asked))
          copied.push(String(headers['holdfast-original-offset']));
      }
    }
    return copied;
  } finally {
    await cluster.close();
  }
}
