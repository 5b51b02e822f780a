import { type Admin, Kafka, logLevel } from 'kafkajs';
import { calmRequestTimers } from '#common/bus/kafkajs/timers.js';
import { endpoints } from '#tools/services/endpoints.js';
import { poll } from './poll.js';

/** A client as any other service would have it. What goes wrong is thrown; kafkajs' own chatter is left out. */
export function openKafka(): Kafka {
  calmRequestTimers();
  return new Kafka({ clientId: 'quickstart', brokers: [...endpoints.kafka.brokers], logLevel: logLevel.NOTHING });
}

export async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = openKafka().admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Deletes all topics and consumer groups whose names start with `prefix`, and returns when they are really gone. */
export const forgetTopics = (prefix: string, signal: AbortSignal): Promise<void> =>
  withAdmin(async (admin) => {
    const isOurs = (name: string): boolean => name.startsWith(prefix);
    const { groups } = await admin.listGroups();
    const groupIds = groups.map(({ groupId }) => groupId).filter(isOurs);
    // A member that was killed stays one until its session expires.
    if (groupIds.length > 0) {
      const forget = () => admin.deleteGroups(groupIds).then(() => true);
      await poll(forget, { signal, what: `deleting the consumer groups of ${prefix}*`, timeoutMs: 45_000 });
    }
    const topics = (await admin.listTopics()).filter(isOurs);
    if (topics.length === 0) return;
    await admin.deleteTopics({ topics });
    const areGone = async () => ((await admin.listTopics()).some(isOurs) ? undefined : true);
    await poll(areGone, { signal, what: `deleting the topics ${prefix}*` });
  });

/** How many records of the topic the group has not committed yet. */
export const readLag = (topic: string, groupId: string): Promise<number> =>
  withAdmin(async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return ends.reduce((lag, { partition, high, low }) => {
      const offset = committed?.partitions.find((known) => known.partition === partition)?.offset ?? '-1';
      return lag + Number(BigInt(high) - (offset === '-1' ? BigInt(low) : BigInt(offset)));
    }, 0);
  });
