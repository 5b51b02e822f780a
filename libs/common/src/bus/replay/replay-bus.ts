import kafkajs, { type Kafka } from 'kafkajs';
import { withBus } from '../bus-error.js';
import { KafkaCluster } from '../kafka-cluster.js';
import { ReplayProducer } from './replay-producer.js';

/** What a replay needs of the bus. */
export interface ReplayBus {
  readonly cluster: KafkaCluster;
  /** Fences out every other producer of the same replay. Throws: bus.unavailable. */
  openProducer(replayId: string): Promise<ReplayProducer>;
  /** How long the topic keeps a record after its timestamp; null for ever. Throws: bus.unavailable. */
  readRetentionMs(topic: string): Promise<number | null>;
  close(): Promise<void>;
}

/** Throws: bus.unavailable. */
export async function openReplayBus(kafka: Kafka): Promise<ReplayBus> {
  const cluster = await KafkaCluster.open(kafka);
  return {
    cluster,
    openProducer: (replayId) => ReplayProducer.open(kafka, replayId),
    readRetentionMs: (topic) => readRetentionMs(kafka, topic),
    close: () => cluster.close(),
  };
}

async function readRetentionMs(kafka: Kafka, topic: string): Promise<number | null> {
  const admin = kafka.admin();
  const { resources } = await withBus(`read the retention of topic ${topic}`, async () => {
    try {
      await admin.connect();
      const type = kafkajs.ConfigResourceTypes.TOPIC;
      const configNames = ['retention.ms', 'cleanup.policy'];
      return await admin.describeConfigs({ includeSynonyms: false, resources: [{ type, name: topic, configNames }] });
    } finally {
      await admin.disconnect();
    }
  });
  const configs = new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
  const retentionMs = Number(configs.get('retention.ms') ?? -1);
  return retentionMs < 0 || configs.get('cleanup.policy') === 'compact' ? null : retentionMs;
}
