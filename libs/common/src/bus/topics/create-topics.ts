import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';
import { AppError } from '#common/errors/app-error.js';
import { kafkaErrorType } from '../bus-error.js';

const TRIES = 100;
const RETRY_MS = 100;
const NOT_YET = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'];

/**
 * Creates topics, those that exist already apart, and waits until each partition has a leader. kafkajs' own wait gives up when a broker
 * has not yet heard of a topic that the controller just made. Throws: bus.unavailable, and what kafkajs throws.
 */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ topics: [...topics], waitForLeaders: false });
  const names = topics.map(({ topic }) => topic);
  for (let tries = 1; !(await haveLeaders(admin, names)); tries += 1) {
    if (tries >= TRIES)
      throw new AppError('bus.unavailable', `topics ${names.join(', ')} have no leaders`, { topics: names });
    await sleep(RETRY_MS);
  }
}

async function haveLeaders(admin: Admin, names: string[]): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    return topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
  } catch (error) {
    if (NOT_YET.includes(kafkaErrorType(error) ?? '')) return false;
    throw error;
  }
}
