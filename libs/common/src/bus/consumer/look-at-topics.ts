import { kafkaErrorType } from '#common/bus/bus-error.js';
import type { BusClient } from '#common/bus/kafka-client.js';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { type Offsets, readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import { fetchPartition } from '#common/bus/records/fetch-partition.js';
import { readTopicStates, type TopicState } from '#common/bus/topics/topic-ids.js';
import { AppError, toAppError } from '#common/errors/app-error.js';

/** One request topic as it is now. */
export interface TopicLook extends TopicState {
  readonly starts: Offsets;
  readonly ends: Offsets;
}

/** Of this topic alone; all else is an outage. */
const OF_THE_TOPIC = ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED', 'INVALID_TOPIC_EXCEPTION'];

/**
 * Each topic by itself: whether it is there and may be read, which one it is, and what it holds. Wants a connection that no topic was asked of
 * before: kafkajs asks for all that it ever heard of, and fails for the first that is gone. Throws: bus.unavailable.
 */
export async function lookAtTopics(cluster: KafkaCluster, topics: readonly string[]): Promise<readonly TopicLook[]> {
  const looks: TopicLook[] = [];
  for (const state of await readTopicStates(cluster, topics)) looks.push(await lookInto(cluster, state));
  return looks;
}

/** Over a connection of its own. Throws: bus.unavailable, and what the work throws. */
export async function onCluster<T>(kafka: BusClient, work: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
  const cluster = await KafkaCluster.open(kafka);
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

async function lookInto(cluster: KafkaCluster, state: TopicState): Promise<TopicLook> {
  const nothing = { starts: new Map(), ends: new Map() };
  if (state.error !== null) return { ...state, ...nothing };
  try {
    const [starts, ends] = [await readLogStarts(cluster, state.name), await readLogEnds(cluster, state.name)];
    await tryReading(cluster, state.name, ends);
    return { ...state, starts, ends };
  } catch (error) {
    const type = topicErrorOf(error);
    if (type === undefined) throw toAppError(error);
    return { ...state, ...nothing, error: type };
  }
}

/** The right to describe a topic is not the right to read it. */
async function tryReading(cluster: KafkaCluster, topic: string, ends: Offsets): Promise<void> {
  const [first] = ends;
  if (first === undefined) return;
  const [partition, offset] = first;
  const at = { topic, partition, offset, maxBytes: 1, maxWaitMs: 0 };
  await cluster.exchange(`read topic ${topic}`, () => fetchPartition(cluster, at));
}

function topicErrorOf(error: unknown): string | undefined {
  if (error instanceof AppError && error.code === 'bus.topic-missing') return 'UNKNOWN_TOPIC_OR_PARTITION';
  const type = kafkaErrorType((error as { cause?: unknown }).cause ?? error);
  return type !== undefined && OF_THE_TOPIC.includes(type) ? type : undefined;
}
