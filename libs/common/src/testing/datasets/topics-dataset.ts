import { JOURNAL_PREFIX } from '#common/bus/kafka-groups.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';
import { TopicsTestBed } from '#common/testing/topics-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';

type TopicsFixture = Pick<
  DatasetFixture,
  'dataset' | 'target' | 'probes' | 'write' | 'read' | 'destroy' | 'newDestination' | 'leftovers' | 'close'
>;

/** A topic with two partitions; destinations are prefixes on the same cluster. */
export async function startTopicsDataset(): Promise<TopicsFixture> {
  const topics = await TopicsTestBed.create();
  const { bed } = topics;
  const orders = await bed.topic('orders', 2);
  let written = 0;
  const made = [''];
  const { brokers } = endpoints.kafka;
  return {
    dataset: { brokers, include: [orders] },
    target: { brokers },
    probes: ['checksums', 'topics'],
    write: async (destination = '') => {
      written += 1;
      const record = { key: `order ${written}`, value: `${written}`, partition: written % 2 };
      await bed.producer.send({ topic: destination + orders, messages: [record] });
    },
    read: async (destination = '') => {
      const topic = destination + orders;
      return (await topics.exists(topic)) ? JSON.stringify(await topics.records(topic)) : null;
    },
    destroy: () => topics.delete(orders),
    newDestination: () => {
      made.push(`${bed.prefix}copy-${made.length}.`);
      return made.at(-1) ?? '';
    },
    leftovers: async () => {
      const { groups } = await bed.admin.listGroups();
      const names = (await bed.admin.listTopics()).filter((name) => name.startsWith(bed.prefix));
      return [
        ...groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(JOURNAL_PREFIX + bed.prefix)),
        ...names.filter((name) => !made.includes(name.slice(0, -orders.length)) || !name.endsWith(orders)),
      ];
    },
    close: () => topics.close(),
  };
}
