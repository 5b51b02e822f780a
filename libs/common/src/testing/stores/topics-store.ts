import type { StoreFixture } from '#common/testing/engine-harness.js';
import { TopicsTestBed } from '#common/testing/topics-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';

type TopicsStore = Pick<
  StoreFixture,
  'dataset' | 'target' | 'probes' | 'write' | 'read' | 'destroy' | 'newDestination' | 'close'
>;

/** A topic with two partitions; destinations are prefixes on the same cluster. */
export async function startTopicsStore(): Promise<TopicsStore> {
  const topics = await TopicsTestBed.create();
  const { bed } = topics;
  const orders = await bed.topic('orders', 2);
  let [written, destinations] = [0, 0];
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
      destinations += 1;
      return `${bed.prefix}copy-${destinations}.`;
    },
    close: () => topics.close(),
  };
}
