import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { ShopConfig } from './config.js';
import { log } from './log.js';

const PARTITIONS = 3;
/** After this the broker gives a silent consumer's partitions away. */
export const SESSION_MS = 10_000;

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
    if (topics.includes(config.topic)) await admin.deleteTopics({ topics: [config.topic] });
    await deleteGroup(admin, config.group);
  });

/** A member that was killed counts until its session expires, so a group that is not empty yet is given that long. */
async function deleteGroup(admin: Admin, group: string): Promise<void> {
  for (const deadline = performance.now() + SESSION_MS + 5_000; ; await sleep(500)) {
    const { groups } = await admin.describeGroups([group]);
    const members = groups[0]?.members.length ?? 0;
    if (members === 0) break;
    if (performance.now() > deadline)
      throw new Error(`consumer group ${group} has ${members} members; stop the projector first`);
  }
  const { groups } = await admin.listGroups();
  if (groups.some(({ groupId }) => groupId === group)) await admin.deleteGroups([group]);
}
