import type { Engine } from '#common/engines/engine.js';
import type { Summary } from '#common/engines/summary.js';
import { datasetChecks, hostNamesOf, measureTopics, targetChecks } from './kafka-checks.js';
import { type KafkaDataset, type KafkaTarget, placeOf, withKafka } from './kafka-dataset.js';
import { kafkaDataset, kafkaTarget } from './kafka-options.js';
import { topicsProbe } from './probes/topics.probe.js';
import { toDestination } from './restore/destination.js';
import { TopicsDriver } from './restore/topics.driver.js';
import { IncrementalTopicsMethod } from './topics/incremental.method.js';
import { TopicsMethod } from './topics/topics.method.js';
import { TopicsFacts } from './topics-facts.js';

/** Topics of Kafka and of Redpanda. */
export type KafkaEngine = Engine<KafkaDataset, KafkaTarget, TopicsFacts>;

export const kafkaEngine = (topics = new TopicsMethod()): KafkaEngine => ({
  kind: 'kafka',
  dataset: kafkaDataset,
  target: kafkaTarget,
  facts: TopicsFacts,
  methods: [topics, new IncrementalTopicsMethod()],
  restores: [new TopicsDriver('topics'), new TopicsDriver('incremental')],
  probes: [topicsProbe],
  place: placeOf,
  toDestination: (wanted) => toDestination(wanted),
  toDrillDestination: (runId, attempt) => `drill-${runId}-${attempt}.`,
  assertThere: ({ connection }) => withKafka(connection, 'holdfast-verification', async () => undefined),
  forbidden: () => [],
  toSafetyDataset: (dataset, { connection }) => ({ ...dataset, connection }),
  checks: { dataset: datasetChecks, target: targetChecks, measure: measureTopics, hostNames: hostNamesOf },
  summarise: toSummary,
});

export const kafka = kafkaEngine();

function toSummary({ takenAt, clusterId, topics, groups }: TopicsFacts): Summary {
  const partitions = topics.flatMap((topic) => topic.partitions);
  const sum = (of: (partition: (typeof partitions)[number]) => number): number =>
    partitions.reduce((total, partition) => total + of(partition), 0);
  return {
    snapshotAt: takenAt,
    source: `topics of cluster ${clusterId}`,
    sourceSizeBytes: sum(({ sizeBytes }) => sizeBytes),
    counts: {
      topics: topics.length,
      partitions: partitions.length,
      records: sum(({ records }) => records),
      groups: groups.length,
    },
    warnings: topics.flatMap(toWarnings),
  };
}

const toWarnings = ({ name, partitions }: TopicsFacts['topics'][number]): string[] =>
  partitions.flatMap(({ partition, undecided, trimmed, endOffset }) => [
    ...(undecided > 0
      ? [
          `${name}/${partition}: a transaction was open at offset ${endOffset}; ${undecided} offsets from there on are left out`,
        ]
      : []),
    ...(trimmed > 0 ? [`${name}/${partition}: ${trimmed} offsets expired while they were read`] : []),
  ]);
