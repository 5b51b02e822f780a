import { createKafka } from '#common/bus/kafka-client.js';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import type { BusLogger } from '#common/bus/kafka-logger.js';
import { TopicAdmin } from '#common/bus/topics/topic-admin.js';
import type { OpenManifest } from '#common/contracts/manifest.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import type { TopicsFacts } from './topics-facts.js';

export type TopicsManifest = OpenManifest<TopicsFacts>;

/** How to reach a cluster. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
}

/** Topics of a cluster to protect. */
export interface KafkaDataset extends ProtectedDataset {
  readonly connection: KafkaConnection;
  /** Names, and patterns with `*`, which no name has in it. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** A cluster to restore to. */
export interface KafkaTarget extends RestoreTarget {
  readonly connection: KafkaConnection;
  /** Names of topics at the destination `renamed`, by their names in the backup. */
  readonly rename: Readonly<Record<string, string>>;
  /** undefined: as the source had it, as far as there are brokers. */
  readonly replicationFactor: number | undefined;
}

/** What a restore or a backup talks to. */
export interface OpenKafka {
  readonly cluster: KafkaCluster;
  readonly admin: TopicAdmin;
  close(): Promise<void>;
}

/** What kafkajs would log comes as an error, or passes. */
const silent: BusLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** `clientId` is what the administrator of the cluster sees of us. Throws: bus.unavailable. */
export async function openKafka({ brokers, ssl, sasl }: KafkaConnection, clientId: string): Promise<OpenKafka> {
  const secured = sasl === undefined ? { ssl } : { ssl, sasl };
  const kafka = createKafka({ brokers, clientId, logger: silent, retries: 3, ...secured });
  const cluster = await KafkaCluster.open(kafka);
  try {
    const admin = await TopicAdmin.open(kafka);
    const close = async (): Promise<void> => {
      await Promise.all([admin.close(), cluster.close().catch(() => undefined)]);
    };
    return { cluster, admin, close };
  } catch (error) {
    await cluster.close().catch(() => undefined);
    throw error;
  }
}

/** The same, closed whatever happens. */
export async function withKafka<T>(
  connection: KafkaConnection,
  clientId: string,
  work: (kafka: OpenKafka) => Promise<T>,
): Promise<T> {
  const kafka = await openKafka(connection, clientId);
  try {
    return await work(kafka);
  } finally {
    await kafka.close();
  }
}

/** The first broker stands for the cluster. */
export const placeOf = ({ connection }: { readonly connection: KafkaConnection }): string =>
  connection.brokers[0] ?? 'no broker';
