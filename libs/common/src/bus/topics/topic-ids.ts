import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { createErrorFromCode, failure } from 'kafkajs/src/protocol/error.js';
import metadataRequest from 'kafkajs/src/protocol/requests/metadata/v5/request.js';
import metadataResponse from 'kafkajs/src/protocol/requests/metadata/v5/response.js';
import type { KafkaCluster, ProtocolExchange } from '../kafka-cluster.js';

const METADATA = 3;
/** The first version with topic ids that every broker since Kafka 3.1 speaks; kafkajs itself stops at 6. */
const VERSION = 12;

/** What the cluster says of one topic. */
export interface TopicState {
  readonly name: string;
  /** A topic that was deleted and made anew has another one; null where the broker does not tell. */
  readonly id: string | null;
  /** The protocol's name for why the topic cannot be read, `UNKNOWN_TOPIC_OR_PARTITION`; null when it can. */
  readonly error: string | null;
}

interface Metadata {
  readonly topics: readonly TopicState[];
}

/** The cluster's own id; Redpanda has one as well. Throws: bus.unavailable. */
export async function readClusterId(cluster: KafkaCluster): Promise<string> {
  const metadata = await cluster.exchange('read the cluster id', async () => {
    const controller = await cluster.cluster.findControllerBroker();
    return controller.metadata([]);
  });
  return (metadata as unknown as { readonly clusterId: string | null }).clusterId ?? '';
}

/** Null per topic where the broker does not tell. Throws: bus.unavailable. */
export async function readTopicIds(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<Record<string, string | null>> {
  const states = await readTopicStates(cluster, topics);
  return Object.fromEntries(states.map(({ name, id }) => [name, id]));
}

/** One answer per topic, in order: one that is missing or forbidden keeps none of the others. Throws: bus.unavailable. */
export async function readTopicStates(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<readonly TopicState[]> {
  const found = (await speaksTopicIds(cluster)) ? await ask(cluster, topics) : await askWithoutIds(cluster, topics);
  const byName = new Map(found.topics.map((topic) => [topic.name, topic]));
  const missing = { id: null, error: 'UNKNOWN_TOPIC_OR_PARTITION' };
  return topics.map((name) => byName.get(name) ?? { name, ...missing });
}

/** The newest version that kafkajs speaks itself, whose reader would throw for the first topic that has an error. */
async function askWithoutIds(cluster: KafkaCluster, topics: readonly string[]): Promise<Metadata> {
  const request = metadataRequest({ topics, allowAutoTopicCreation: false });
  const decodeTopics = async (bytes: Buffer): Promise<Metadata> => {
    const { topicMetadata } = await metadataResponse.decode(bytes);
    return {
      topics: topicMetadata.map(({ topic: name, topicErrorCode }) => ({
        name,
        id: null,
        error: errorOf(topicErrorCode),
      })),
    };
  };
  return askController(cluster, { request, response: { decode: decodeTopics, parse: async (metadata) => metadata } });
}

const errorOf = (code: number): string | null => (failure(code) ? createErrorFromCode(code).type : null);

const askController = (cluster: KafkaCluster, exchange: ProtocolExchange<Metadata>): Promise<Metadata> =>
  cluster.exchange('read the state of topics', async () => {
    const { nodeId } = (await cluster.cluster.findControllerBroker()) as unknown as { nodeId: number };
    return cluster.ask(String(nodeId), exchange);
  });

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
  return askController(cluster, { request, response });
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

function readTopic(decoder: Decoder): TopicState {
  const error = errorOf(decoder.readInt16());
  const name = decoder.readUVarIntString() ?? '';
  const id = toUuidText(decoder.readBytes(16));
  decoder.readBoolean();
  decoder.readUVarIntArray(skipPartition);
  decoder.readInt32();
  decoder.readTaggedFields();
  return { name, id, error };
}

function skipPartition(decoder: Decoder): void {
  decoder.readInt16();
  for (let field = 0; field < 3; field += 1) decoder.readInt32();
  for (let list = 0; list < 3; list += 1) decoder.readUVarIntArray((each) => each.readInt32());
  decoder.readTaggedFields();
}

/** All zeros where the broker tells none, as of a topic that may not be described. */
function toUuidText(bytes: Buffer): string | null {
  if (bytes.every((byte) => byte === 0)) return null;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
