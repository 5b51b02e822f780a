import type { KafkaCluster } from '../kafka-cluster.js';
import type { Offsets } from '../kafka-log.js';

const READ_COMMITTED = 1;
const LATEST = -1;

interface ListOffsets {
  listOffsets(request: {
    readonly isolationLevel: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
    }[];
  }): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[];
  }>;
}

/** The last stable offset of every partition: where the first open transaction begins, else the end. Throws: bus.topic-missing, bus.unavailable. */
export async function readStableEnds(cluster: KafkaCluster, topic: string): Promise<Offsets> {
  const partitions = await cluster.partitionsOf(topic);
  const answers = await cluster.exchange(`read the stable ends of topic ${topic}`, () => {
    const byLeader = Object.entries(cluster.cluster.findLeaderForPartitions(topic, [...partitions]));
    return Promise.all(
      byLeader.map(async ([nodeId, of]) => {
        const broker = (await cluster.cluster.findBroker({ nodeId })) as unknown as ListOffsets;
        const wanted = of.map((partition) => ({ partition, timestamp: LATEST }));
        return broker.listOffsets({ isolationLevel: READ_COMMITTED, topics: [{ topic, partitions: wanted }] });
      }),
    );
  });
  const found = answers.flatMap(({ responses }) => responses.flatMap((each) => each.partitions));
  return new Map(found.map(({ partition, offset }) => [partition, BigInt(offset)] as const).sort(([a], [b]) => a - b));
}
