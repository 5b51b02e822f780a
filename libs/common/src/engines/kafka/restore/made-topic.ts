import { randomInt } from 'node:crypto';
import { readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import type { RestoreOrder } from '#common/engines/engine.js';
import type { KafkaTarget, OpenKafka } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicFacts, TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { type Intention, writeIntention } from './restore-journal.js';
import { toLimit } from './topic-settings.js';

const MARK = 'max.message.bytes';
const MARKS = 65_536;

interface NewTopic {
  readonly source: TopicFacts;
  readonly name: string;
}

/**
 * The intention first, then the topic, with the mark that the intention names: after a kill in between the next attempt, or a sweep, knows whose
 * the topic is.
 * Throws: bus.unavailable.
 */
export async function makeTopic(
  { source, name }: NewTopic,
  order: RestoreOrder<KafkaTarget, TopicsFacts>,
  kafka: OpenKafka,
): Promise<void> {
  const { target, identity, manifest, destination } = order;
  const brokers = await kafka.admin.brokerCount();
  const replicationFactor = target.replicationFactor ?? Math.min(source.replicationFactor, brokers);
  const mark = toLimit(source) + randomInt(MARKS);
  const intention = { run: identity.runId, backup: manifest.backupId, topic: name, mark };
  await writeIntention(kafka.cluster, destination, intention);
  const configs = { [MARK]: String(mark) };
  await kafka.admin.create({ name, partitions: source.partitions.length, replicationFactor, configs });
}

/** Whether a topic that is there is the one of the intention, and as it was made. Throws: bus.unavailable. */
export async function isMadeTopic(kafka: OpenKafka, { topic, mark }: Intention): Promise<boolean> {
  const configs = (await kafka.admin.readConfigs([topic])).get(topic) ?? [];
  const isMarked = configs.some(({ name, value, isOwn }) => isOwn && name === MARK && value === String(mark));
  return isMarked && (await isEmpty(kafka, topic));
}

/** Throws: bus.unavailable. */
export async function isEmpty({ cluster }: OpenKafka, topic: string): Promise<boolean> {
  const starts = await readLogStarts(cluster, topic);
  const ends = await readLogEnds(cluster, topic);
  return [...ends].every(([partition, end]) => starts.get(partition) === end);
}
