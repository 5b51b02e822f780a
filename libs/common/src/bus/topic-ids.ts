import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import type { KafkaCluster } from './kafka-cluster.js';

const METADATA = 3;
/** The first version with topic ids that every broker since Kafka 3.1 speaks; kafkajs itself stops at 6. */
const VERSION = 12;

interface Metadata {
  readonly topics: readonly { readonly name: string | null; readonly id: string }[];
}

/** The cluster's own id; Redpanda has one as well. Throws: bus.unavailable. */
export async function readClusterId(cluster: KafkaCluster): Promise<string> {
  const metadata = await cluster.exchange('read the cluster id', async () => {
    const controller = await cluster.cluster.findControllerBroker();
    return controller.metadata([]);
  });
  return (metadata as unknown as { readonly clusterId: string | null }).clusterId ?? '';
}

/** A topic that was deleted and made anew has another id. Null per topic where the broker does not tell. */
export async function readTopicIds(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<Record<string, string | null>> {
  const ids = new Map<string | null, string>();
  if (await speaksTopicIds(cluster)) for (const { name, id } of (await ask(cluster, topics)).topics) ids.set(name, id);
  return Object.fromEntries(topics.map((topic) => [topic, ids.get(topic) ?? null]));
}

async function speaksTopicIds(cluster: KafkaCluster): Promise<boolean> {
  const versions = await cluster.exchange('read what the broker speaks', async () => {
    const broker = (await cluster.cluster.findControllerBroker()) as unknown as {
      versions: Record<number, { readonly maxVersion: number }> | null;
    };
    return broker.versions;
  });
  return (versions?.[METADATA]?.maxVersion ?? 0) >= VERSION;
}

/** Metadata request, version 12, with the header's tagged fields in front: kafkajs writes the older header. */
async function ask(cluster: KafkaCluster, topics: readonly string[]): Promise<Metadata> {
  const encode = async (): Promise<Encoder> => {
    const body = new Encoder().writeUVarInt(0).writeUVarInt(topics.length + 1);
    for (const topic of topics) body.writeBuffer(Buffer.alloc(16)).writeUVarIntString(topic).writeUVarInt(0);
    return body.writeBoolean(false).writeBoolean(false).writeUVarInt(0);
  };
  const request = { apiKey: METADATA, apiVersion: VERSION, apiName: 'Metadata', encode };
  const response = { decode, parse: async (metadata: Metadata) => metadata };
  return cluster.exchange('read the topic ids', async () => {
    const { nodeId } = (await cluster.cluster.findControllerBroker()) as unknown as { nodeId: number };
    return cluster.ask(String(nodeId), { request, response });
  });
}

async function decode(bytes: Buffer): Promise<Metadata> {
  const decoder = new Decoder(bytes);
  decoder.readTaggedFields();
  decoder.readInt32();
  decoder.readUVarIntArray(skipBroker);
  decoder.readUVarIntString();
  decoder.readInt32();
  return { topics: decoder.readUVarIntArray(readTopic) };
}

function skipBroker(decoder: Decoder): void {
  decoder.readInt32();
  decoder.readUVarIntString();
  decoder.readInt32();
  decoder.readUVarIntString();
  decoder.readTaggedFields();
}

function readTopic(decoder: Decoder): Metadata['topics'][number] {
  decoder.readInt16();
  const name = decoder.readUVarIntString();
  const id = toUuidText(decoder.readBytes(16));
  decoder.readBoolean();
  decoder.readUVarIntArray(skipPartition);
  decoder.readInt32();
  decoder.readTaggedFields();
  return { name, id };
}

function skipPartition(decoder: Decoder): void {
  decoder.readInt16();
  for (let field = 0; field < 3; field += 1) decoder.readInt32();
  for (let list = 0; list < 3; list += 1) decoder.readUVarIntArray((each) => each.readInt32());
  decoder.readTaggedFields();
}

function toUuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
