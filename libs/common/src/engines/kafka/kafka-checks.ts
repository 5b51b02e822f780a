import { readLogDirBytes } from '#common/bus/topics/log-dir-sizes.js';
import { readClusterId } from '#common/bus/topics/topic-ids.js';
import type { Check } from '#common/engines/check.js';
import { type KafkaDataset, type KafkaTarget, withKafka } from './kafka-dataset.js';
import { loadTopics } from './topics/freeze-topics.js';

const CLIENT = 'holdfast-check';

/** Can these topics be backed up? */
export function datasetChecks(dataset: KafkaDataset, _signal: AbortSignal): Check[] {
  const { name, connection } = dataset;
  const connected = `dataset ${name}: connection`;
  return [
    { name: connected, run: () => tellCluster(dataset) },
    {
      name: `dataset ${name}: topics`,
      needs: [connected],
      run: () =>
        withKafka(connection, CLIENT, async (kafka) => {
          const topics = await loadTopics(kafka, dataset);
          const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
          return `${topics.length} topics with ${partitions} partitions`;
        }),
    },
  ];
}

/** Could a restore go to this cluster tonight? */
export const targetChecks = (target: KafkaTarget, _signal: AbortSignal): Check[] => [
  { name: `target ${target.name}: connection`, run: () => tellCluster(target) },
];

const tellCluster = ({ connection }: Pick<KafkaTarget, 'connection'>): Promise<string> =>
  withKafka(connection, CLIENT, async ({ cluster, admin }) => {
    const brokers = await admin.brokerCount();
    return `cluster ${await readClusterId(cluster)} answers, ${brokers === 1 ? 'one broker' : `${brokers} brokers`}`;
  });

/** What the leaders of the partitions hold. Throws: bus.topic-missing, bus.unavailable. */
export const measureTopics = (dataset: KafkaDataset, _signal: AbortSignal): Promise<number> =>
  withKafka(dataset.connection, CLIENT, async (kafka) => {
    const topics = await loadTopics(kafka, dataset);
    return readLogDirBytes(
      kafka.cluster,
      topics.map(({ name }) => name),
    );
  });

export const hostNamesOf = ({ connection }: KafkaDataset): string[] =>
  connection.brokers.map((broker) => broker.replace(/:\d+$/, ''));
