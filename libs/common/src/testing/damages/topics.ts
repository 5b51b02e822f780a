import { kafkaEngine } from '#common/engines/kafka/kafka.engine.js';
import { TopicsTestBed } from '#common/testing/topics-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type DamageFixture, defineDamages } from './damage-bed.js';
import type { SeededDamage } from './seeded-damage.js';

/** A restored topic, and the group that reads it. */
interface Topic {
  readonly topics: TopicsTestBed;
  readonly topic: string;
  readonly group: string;
}

/** The first records of a partition, up to an offset. */
async function deleteRecords({ topics: { bed }, topic }: Topic, partition: number, offset: string): Promise<void> {
  // kafkajs looks for the leader among the topics that it has used.
  await bed.admin.fetchTopicOffsets(topic);
  await bed.admin.deleteTopicRecords({ topic, partitions: [{ partition, offset }] });
}

const DAMAGES: readonly Omit<SeededDamage<Topic>, 'use'>[] = [
  {
    name: 'a topic is lost',
    does: ({ topics, topic }) => topics.delete(topic),
    found: 'partitions of {topic}: other partitions',
  },
  {
    name: 'a topic is short of its first record',
    does: (place) => deleteRecords(place, 1, '1'),
    found: 'records of {topic}/1: other number of records',
  },
  {
    name: 'a topic is empty',
    does: (place) => deleteRecords(place, 0, '-1'),
    found: 'records of {topic}/0: other number of records',
  },
  {
    name: 'a record was written since',
    does: ({ topics: { bed }, topic }) => bed.producer.send({ topic, messages: [{ value: 'more', partition: 0 }] }),
    found: 'records of {topic}/0: other number of records',
  },
  {
    name: 'a record is another one',
    does: async (place) => {
      const { topic, topics } = place;
      await deleteRecords(place, 0, '1');
      await topics.bed.producer.send({ topic, messages: [{ value: 'another', partition: 0 }] });
    },
    found: 'records of {topic}/0: as many records, but other ones',
  },
  {
    name: 'a topic has a partition more',
    does: ({ topics: { bed }, topic }) => bed.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }),
    found: 'partitions of {topic}: other partitions',
  },
  {
    name: 'a topic forgets earlier',
    does: ({ topics: { bed }, topic }) =>
      bed.admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: topic, configEntries: [{ name: 'retention.ms', value: '86400000' }] }],
      }),
    found: 'retention.ms of {topic}: other setting',
  },
  {
    name: 'a group has read further',
    does: ({ topics, topic, group }) => topics.commit(group, topic, [5, 5]),
    found: 'group {group} in {topic}/1: other offset',
  },
  {
    name: 'a group is lost',
    does: ({ topics: { bed }, group }) => bed.admin.deleteGroups([group]),
    found: 'group {group} in {topic}/0: other offset',
  },
];

/** One topic of two partitions, and a group; destinations are prefixes on the same broker. */
export const topicsDamages = defineDamages(
  'kafka',
  DAMAGES.map((damage) => ({ use: 'topics', ...damage })),
  async (): Promise<DamageFixture<Topic>> => {
    const topics = await TopicsTestBed.create();
    const { bed } = topics;
    const topic = await bed.topic('orders', 2, { 'retention.ms': '604800000' });
    const group = `${bed.prefix}projector`;
    const messages = Array.from({ length: 12 }, (_, index) => ({
      key: `${index}`,
      value: `order ${index}`,
      partition: index % 2,
    }));
    await bed.producer.send({ topic, messages });
    await topics.commit(group, topic, [3, 4]);
    const { brokers } = endpoints.kafka;
    let made = 0;
    return {
      engine: kafkaEngine(),
      dataset: { brokers, include: [topic] },
      target: { brokers },
      method: 'topics',
      newDestination: () => {
        made += 1;
        return `${bed.prefix}copy-${made}.`;
      },
      open: (destination) => ({ topics, topic: destination + topic, group: destination + group }),
      names: (destination) => ({ topic: destination + topic, group: destination + group }),
      close: () => topics.close(),
    };
  },
);
