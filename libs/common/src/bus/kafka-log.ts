import type { KafkaCluster } from './kafka-cluster.js';

/** Per partition number, in order. */
export type Offsets = ReadonlyMap<number, bigint>;

const EARLIEST = { fromBeginning: true } as const;
const LATEST = { fromBeginning: false } as const;

/** The first retained offset of every partition. Throws: bus.topic-missing, bus.unavailable. */
export const readLogStarts = (cluster: KafkaCluster, topic: string): Promise<Offsets> =>
  listOffsets(cluster, topic, EARLIEST);

/** The next offset to be written in every partition. Throws: bus.topic-missing, bus.unavailable. */
export const readLogEnds = (cluster: KafkaCluster, topic: string): Promise<Offsets> =>
  listOffsets(cluster, topic, LATEST);

/** The first offset whose record is at or after the instant; the end where there is none. */
export async function readOffsetsAt(cluster: KafkaCluster, topic: string, instant: Date): Promise<Offsets> {
  const ends = await readLogEnds(cluster, topic);
  const found = await listOffsets(cluster, topic, { fromTimestamp: instant.getTime() });
  return new Map([...ends].map(([partition, end]) => [partition, atLeast(found.get(partition), end)]));
}

const atLeast = (found: bigint | undefined, end: bigint): bigint => (found === undefined || found < 0n ? end : found);

async function listOffsets(
  cluster: KafkaCluster,
  topic: string,
  at: typeof EARLIEST | typeof LATEST | { readonly fromTimestamp: number },
): Promise<Offsets> {
  const partitions = (await cluster.partitionsOf(topic)).map((partition) => ({ partition }));
  const [answer] = await cluster.exchange(`read the offsets of topic ${topic}`, () =>
    cluster.cluster.fetchTopicsOffset([{ topic, partitions, ...at } as never]),
  );
  const offsets = (answer?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)] as const);
  return new Map(offsets.sort(([a], [b]) => a - b));
}
