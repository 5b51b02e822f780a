import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { ShopConfig } from './config.js';
import { log } from './log.js';

const PARTITIONS = 3;
/** Kafka: UNKNOWN_TOPIC_OR_PARTITION, GROUP_ID_NOT_FOUND. */
const ABSENT = new Set([3, 69]);

export function openKafka(config: ShopConfig): Kafka {
  return new Kafka({
    clientId: 'shop',
    brokers: config.brokers,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) =>
      log(entry.level === logLevel.ERROR ? 'error' : 'warn', entry.log.message, {
        source: 'kafkajs',
        error: entry.log['error'],
      }),
  });
}

async function withAdmin<T>(config: ShopConfig, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = openKafka(config).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

export const createTopic = (config: ShopConfig): Promise<boolean> =>
  withAdmin(config, (admin) =>
    admin.createTopics({ topics: [{ topic: config.topic, numPartitions: PARTITIONS }], waitForLeaders: true }),
  );

export const dropTopicAndGroup = (config: ShopConfig): Promise<void> =>
  withAdmin(config, async (admin) => {
    const topics = await admin.listTopics();
    if (topics.includes(config.topic)) await admin.deleteTopics({ topics: [config.topic] }).catch(ignoreAbsent);
    const { groups } = await admin.listGroups();
    if (groups.some((group) => group.groupId === config.group))
      await admin.deleteGroups([config.group]).catch(ignoreAbsent);
  });

function ignoreAbsent(error: unknown): void {
  const { code, groups } = error as { code?: number; groups?: { errorCode?: number }[] };
  const codes = groups?.map((group) => group.errorCode) ?? [code];
  if (!codes.every((each) => each !== undefined && ABSENT.has(each))) throw error;
}
