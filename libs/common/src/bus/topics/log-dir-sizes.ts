import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import type { KafkaCluster } from '../kafka-cluster.js';

const DESCRIBE_LOG_DIRS = 35;
const VERSION = 1;

interface HeldPartition {
  readonly topic: string;
  readonly partition: number;
  readonly sizeBytes: number;
}

/** What the logs of these topics take, each partition counted once. Throws: bus.topic-missing, bus.unavailable. */
export async function readLogDirBytes(cluster: KafkaCluster, topics: readonly string[]): Promise<number> {
  const wanted = new Map<string, readonly number[]>();
  for (const topic of topics) wanted.set(topic, await cluster.partitionsOf(topic));
  const nodeIds = cluster.cluster.getNodeIds().map(String);
  const held = await Promise.all(nodeIds.map((nodeId) => askBroker(cluster, nodeId, wanted)));
  const largest = new Map<string, number>();
  for (const { topic, partition, sizeBytes } of held.flat()) {
    const key = `${topic}/${partition}`;
    largest.set(key, Math.max(largest.get(key) ?? 0, sizeBytes));
  }
  return [...largest.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** DescribeLogDirs request, version 1. */
function askBroker(
  cluster: KafkaCluster,
  nodeId: string,
  wanted: ReadonlyMap<string, readonly number[]>,
): Promise<readonly HeldPartition[]> {
  const encode = async (): Promise<Encoder> =>
    new Encoder().writeArray(
      [...wanted].map(([topic, partitions]) =>
        new Encoder().writeString(topic).writeArray(partitions.map((partition) => new Encoder().writeInt32(partition))),
      ),
    );
  const request = { apiKey: DESCRIBE_LOG_DIRS, apiVersion: VERSION, apiName: 'DescribeLogDirs', encode };
  const response = { decode, parse: async (held: readonly HeldPartition[]) => held };
  return cluster.exchange('measure topics', () => cluster.ask(nodeId, { request, response }));
}

async function decode(bytes: Buffer): Promise<readonly HeldPartition[]> {
  const decoder = new Decoder(bytes);
  decoder.readInt32();
  const folders = decoder.readArray((folder) => {
    folder.readInt16();
    folder.readString();
    return folder.readArray((each) => {
      const topic = each.readString();
      return each.readArray((part) => readPartition(part, topic));
    });
  });
  return folders.flat(2);
}

function readPartition(decoder: Decoder, topic: string): HeldPartition {
  const partition = decoder.readInt32();
  const sizeBytes = Number(decoder.readInt64().toString());
  decoder.readInt64();
  decoder.readBoolean();
  return { topic, partition, sizeBytes };
}
