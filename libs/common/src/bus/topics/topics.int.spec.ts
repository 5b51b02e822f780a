import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import { ensureTopics, findMissingTopics, topicNames } from './topics.js';

let bed: KafkaTestBed;
beforeAll(async () => {
  bed = await KafkaTestBed.open();
});
afterAll(() => bed.close());

describe('the topics of Holdfast', () => {
  it('are only named while creating is not allowed, then created once by services that start at the same time', async () => {
    const { prefix: topicPrefix, kafka } = bed;
    const names = topicNames(topicPrefix);
    expect(names).toEqual(
      expect.arrayContaining([`${topicPrefix}backup.requested`, `${topicPrefix}holdfast.dead-letter`]),
    );
    await expect(ensureTopics(kafka, { topicPrefix, create: false })).rejects.toMatchObject({
      code: 'bus.topic-missing',
    });

    const options = { topicPrefix, create: true, partitions: 2, replicationFactor: 1 };
    const both = await Promise.all([ensureTopics(kafka, options), ensureTopics(kafka, options)]);
    expect(new Set(both.flatMap(({ created }) => created))).toEqual(new Set(names));
    expect(await ensureTopics(kafka, options)).toEqual({ created: [] });
    expect(await findMissingTopics(kafka, topicPrefix)).toEqual([]);
    expect(await bed.cluster.partitionsOf(`${topicPrefix}backup.requested`)).toEqual([0, 1]);
  });
});
