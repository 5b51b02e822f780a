import type { ITopicConfig, Kafka } from 'kafkajs';
import { events } from '#common/contracts/event-list.js';
import { AppError } from '#common/errors/app-error.js';
import { withBus } from '../bus-error.js';
import { createTopics } from './create-topics.js';

export const DEAD_LETTER = 'holdfast.dead-letter';
export const DEAD_LETTER_MAX_BYTES = 16 * 1024 * 1024;

export interface TopicOptions {
  readonly topicPrefix: string;
  /** false: say what is missing, create nothing. */
  readonly create: boolean;
  readonly partitions?: number;
  /** Default: the broker's own. */
  readonly replicationFactor?: number;
}

/** Every topic that Holdfast reads or writes. */
export const topicNames = (topicPrefix: string): readonly string[] =>
  [...events.map(({ type }) => type), DEAD_LETTER].map((name) => topicPrefix + name);

/** Creates what is missing, where allowed; safe when several services start at once. Throws: bus.topic-missing, bus.unavailable. */
export async function ensureTopics(
  kafka: Kafka,
  options: TopicOptions,
): Promise<{ readonly created: readonly string[] }> {
  const missing = await findMissingTopics(kafka, options.topicPrefix);
  if (missing.length === 0) return { created: [] };
  if (!options.create)
    throw new AppError('bus.topic-missing', `topics are missing: ${missing.join(', ')}`, { topics: missing });
  await withAdmin(kafka, 'create topics', (admin) =>
    createTopics(
      admin,
      missing.map((topic) => toConfig(topic, options)),
    ),
  );
  return { created: missing };
}

/** For `holdfast check`. Throws: bus.unavailable. */
export async function findMissingTopics(kafka: Kafka, topicPrefix: string): Promise<readonly string[]> {
  const existing = new Set(await withAdmin(kafka, 'list topics', (admin) => admin.listTopics()));
  return topicNames(topicPrefix).filter((topic) => !existing.has(topic));
}

function toConfig(topic: string, { partitions = 3, replicationFactor = -1 }: TopicOptions): ITopicConfig {
  // A dead letter is the original and a little more: it must not be refused for its size.
  const isDeadLetter = topic.endsWith(DEAD_LETTER);
  const configEntries = isDeadLetter ? [{ name: 'max.message.bytes', value: String(DEAD_LETTER_MAX_BYTES) }] : [];
  return { topic, numPartitions: partitions, replicationFactor, configEntries };
}

async function withAdmin<T>(
  kafka: Kafka,
  doing: string,
  work: (admin: ReturnType<Kafka['admin']>) => Promise<T>,
): Promise<T> {
  const admin = kafka.admin();
  return withBus(doing, async () => {
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  });
}
