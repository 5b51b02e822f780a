import type { Kafka } from 'kafkajs';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { commitForStoppedGroup } from '#common/bus/kafka-groups.js';
import { readRange } from '#common/bus/records/read-range.js';
import { ask } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { ORDERS, SEEN_ORDERS } from './estate.js';
import type { Work } from './works.js';

/** The projector has seen everything: between the backup and now lie the orders that a replay brings again. */
async function seeEverything(cluster: Cluster): Promise<void> {
  const { copiesTopic } = cluster.estate;
  const [end] = await withAdmin(cluster.bus.kafka, (admin) => admin.fetchTopicOffsets(copiesTopic));
  copiesFrom.set(cluster, BigInt(end?.offset ?? 0));
  standsAt.delete(cluster);
  await moveProjector(cluster, ORDERS);
}

/** Where the copies begin that a replay is to write. */
const copiesFrom = new WeakMap<Cluster, bigint>();
/** Where the projector has gone on reading to, after a replay put it somewhere. */
const standsAt = new WeakMap<Cluster, number>();

/** As it was at first: a backup that is taken then has something to replay after it. */
export const seeHalf = (cluster: Cluster): Promise<void> => moveProjector(cluster, SEEN_ORDERS);

/**
 * It has read every copy, too: those that still wait for it are not made again. Without joining the group, which would take the broker
 * seconds.
 */
async function moveProjector({ bus, estate }: Cluster, orders: number): Promise<void> {
  const { projector, ordersTopic, copiesTopic } = estate;
  const [end] = await withAdmin(bus.kafka, (admin) => admin.fetchTopicOffsets(copiesTopic));
  const at = (topic: string, offset: bigint) => ({ topic, partition: 0, offset, metadata: null });
  const commits = [at(ordersTopic, BigInt(orders)), at(copiesTopic, BigInt(end?.offset ?? 0))];
  await withCluster(bus.kafka, (cluster) => commitForStoppedGroup(cluster, projector, commits));
}

async function withCluster<T>(kafka: Kafka, work: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
  const cluster = await KafkaCluster.open(kafka);
  return work(cluster).finally(() => cluster.close());
}

async function withAdmin<T>(kafka: Kafka, work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  return work(admin).finally(() => admin.disconnect());
}

/**
 * The projector goes on reading where a replay has put it, as far as the order, and reads the copies that are there. Nothing is broken
 * by that.
 */
export async function readOn(cluster: Cluster, orders: number): Promise<readonly string[]> {
  await moveProjector(cluster, orders);
  standsAt.set(cluster, orders);
  return [];
}

/** Moves the projector back to where the backup saw it; from there only the projector itself moves it. */
export const replayReset: Work = {
  name: 'replay (reset)',
  family: 'replay',
  prepare: seeEverything,
  ask: (cluster) => ask(cluster, 'replay.requested', { dataset: 'shop', mode: 'reset', backup: 'latest' }),
  findBroken: async (cluster) => {
    const { bus, estate } = cluster;
    const { projector: groupId, ordersTopic } = estate;
    const found = await withAdmin(bus.kafka, (admin) => admin.fetchOffsets({ groupId, topics: [ordersTopic] }));
    const offset = found[0]?.partitions[0]?.offset;
    const wanted = String(standsAt.get(cluster) ?? SEEN_ORDERS);
    return offset === wanted ? [] : [`the projector stands at ${offset} instead of ${wanted}`];
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
    const copied = await readCopies(cluster);
    const wanted = Array.from({ length: ORDERS - SEEN_ORDERS }, (_, n) => String(SEEN_ORDERS + n));
    return copied.join() === wanted.join() ? [] : [`${copied.length} orders wait for the projector: ${copied}`];
  },
};

/**
 * Offsets of the originals, in the order in which a reader of what is committed gets their copies. Whichever replay wrote them: of two
 * that are asked for the same orders, one copies and the other finds the copies.
 */
async function readCopies(on: Cluster): Promise<string[]> {
  const { bus, estate } = on;
  const topic = estate.copiesTopic;
  const [end] = await withAdmin(bus.kafka, (admin) => admin.fetchTopicOffsets(topic));
  return withCluster(bus.kafka, async (cluster) => {
    const [fromOffset, toOffset] = [copiesFrom.get(on) ?? 0n, BigInt(end?.offset ?? 0)];
    const range = { topic, partition: 0, fromOffset, toOffset };
    const copied: string[] = [];
    for await (const { records } of readRange(cluster, range, { signal: AbortSignal.timeout(20_000) })) {
      copied.push(...records.map(({ headers }) => String(headers['holdfast-original-offset'])));
    }
    return copied;
  });
}
