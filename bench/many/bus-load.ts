import { randomUUID } from 'node:crypto';
import { topicNames } from '#common/bus/topics/topics.js';
import type { KafkaTestBed } from '#common/testing/kafka-test-bed.js';

export interface TopicLoad {
  messages: number;
  /** Keys, values and headers, as they were written. */
  bytes: number;
}

export interface BusLoad {
  readonly topics: ReadonlyMap<string, TopicLoad>;
  /** How often each dataset was called completed or failed. */
  readonly completed: ReadonlyMap<string, number>;
  readonly failed: ReadonlyMap<string, number>;
}

/** Reads everything that is on the topics of one fleet, once it is at rest. */
export async function readBus(bus: KafkaTestBed): Promise<BusLoad> {
  const names = topicNames(bus.prefix);
  const ends = await Promise.all(
    names.map(async (topic) => ({ topic, partitions: await bus.admin.fetchTopicOffsets(topic) })),
  );
  let left = ends
    .flatMap(({ partitions }) => partitions)
    .reduce((sum, { offset, low }) => sum + Number(offset) - Number(low), 0);
  const topics = new Map<string, TopicLoad>();
  const [completed, failed] = [new Map<string, number>(), new Map<string, number>()];
  const { promise: isRead, resolve } = Promise.withResolvers<void>();
  const consumer = bus.kafka.consumer({ groupId: `${bus.prefix}bench-${randomUUID()}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: [...names], fromBeginning: true });
  if (left === 0) resolve();
  await consumer.run({
    eachMessage: async ({ topic, message: { key, value, headers = {} } }) => {
      const type = topic.slice(bus.prefix.length);
      const load = topics.get(type) ?? { messages: 0, bytes: 0 };
      topics.set(type, load);
      load.messages += 1;
      load.bytes += (key?.length ?? 0) + (value?.length ?? 0);
      for (const [name, text] of Object.entries(headers)) load.bytes += name.length + String(text).length;
      const counts = type === 'backup.completed' ? completed : type === 'backup.failed' ? failed : undefined;
      const dataset = String(key);
      counts?.set(dataset, (counts.get(dataset) ?? 0) + 1);
      left -= 1;
      if (left === 0) resolve();
    },
  });
  await isRead;
  await consumer.disconnect();
  return { topics, completed, failed };
}
