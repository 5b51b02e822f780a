import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { AppError } from '#common/errors/app-error.js';
import { kafkaErrorType, toBusError, withBus } from '../bus-error.js';
import { type AclRule, readAclRules } from './acl-rules.js';
import { createTopics } from './create-topics.js';

export interface TopicShape {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
}

export interface TopicConfig {
  readonly name: string;
  readonly value: string;
  /** Set for this topic, and not for its broker or by the program. */
  readonly isOwn: boolean;
}

export interface NewTopic extends TopicShape {
  readonly configs: Readonly<Record<string, string>>;
}

const OF_TOPIC = 1;
const GONE_TRIES = 100;
const RETRY_MS = 100;
const REFUSED = ['INVALID_CONFIG', 'INVALID_REQUEST', 'POLICY_VIOLATION'];

/** Topics as an administrator sees and makes them. */
export class TopicAdmin {
  private constructor(private readonly admin: Admin) {}

  /** Throws: bus.unavailable. */
  static async open(kafka: Kafka): Promise<TopicAdmin> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      return new TopicAdmin(admin);
    } catch (error) {
      await admin.disconnect().catch(() => undefined);
      throw toBusError(error, 'connect to the bus');
    }
  }

  close(): Promise<void> {
    return this.admin.disconnect().catch(() => undefined);
  }

  /** Every topic, those of the broker itself too, in order. Throws: bus.unavailable. */
  async list(): Promise<readonly TopicShape[]> {
    const { topics } = await withBus('list topics', () => this.admin.fetchTopicMetadata());
    const shapes = topics.map(({ name, partitions }) => ({
      ...{ name, partitions: partitions.length },
      replicationFactor: partitions[0]?.replicas.length ?? 1,
    }));
    return shapes.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async brokerCount(): Promise<number> {
    const { brokers } = await withBus('describe the cluster', () => this.admin.describeCluster());
    return brokers.length;
  }

  /** What of it is not secret. Throws: bus.unavailable. */
  async readConfigs(topics: readonly string[]): Promise<ReadonlyMap<string, readonly TopicConfig[]>> {
    if (topics.length === 0) return new Map();
    const type = kafkajs.ConfigResourceTypes.TOPIC;
    const { resources } = await withBus('read the configuration of topics', () =>
      this.admin.describeConfigs({
        includeSynonyms: false,
        resources: topics.map((name) => ({ type, name })),
      }),
    );
    return new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        configEntries
          .filter(({ isSensitive, configValue }) => !isSensitive && configValue !== null)
          .map(({ configName: name, configValue: value, ...of }) => ({ name, value, isOwn: isOwn(of) })),
      ]),
    );
  }

  /** Every rule of the cluster; undefined: it does not tell. Throws: bus.unavailable. */
  readAcls(): Promise<readonly AclRule[] | undefined> {
    return readAclRules(this.admin);
  }

  /** Waits until each partition has a leader. Throws: bus.unavailable. */
  async create({ name, partitions, replicationFactor, configs }: NewTopic): Promise<void> {
    const configEntries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    const topic = { topic: name, numPartitions: partitions, replicationFactor, configEntries };
    await withBus(`create topic ${name}`, () => createTopics(this.admin, [topic]));
  }

  /** These and no others from now on. Throws: bus.unavailable. */
  async setConfigs(topic: string, configs: Readonly<Record<string, string>>): Promise<void> {
    await withBus(`set the configuration of topic ${topic}`, () =>
      this.admin.alterConfigs({ validateOnly: false, resources: [toResource(topic, configs)] }),
    );
  }

  /** Changes nothing. Throws: bus.unavailable. */
  async wouldTake(topic: string, configs: Readonly<Record<string, string>>): Promise<boolean> {
    try {
      await this.admin.alterConfigs({ validateOnly: true, resources: [toResource(topic, configs)] });
      return true;
    } catch (error) {
      if (REFUSED.includes(kafkaErrorType(error) ?? '')) return false;
      throw toBusError(error, `ask for a configuration of topic ${topic}`);
    }
  }

  /** Resolves when the cluster knows it no more. Throws: bus.unavailable. */
  async remove(topic: string): Promise<void> {
    await withBus(`delete topic ${topic}`, async () => {
      await this.admin.deleteTopics({ topics: [topic] }).catch((error: unknown) => {
        if (kafkaErrorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      });
      for (let tries = 1; (await this.admin.listTopics()).includes(topic); tries += 1) {
        if (tries >= GONE_TRIES) throw new AppError('bus.unavailable', `topic ${topic} was deleted and is still there`);
        await sleep(RETRY_MS);
      }
    });
  }

  async removeGroups(groups: readonly string[]): Promise<void> {
    if (groups.length === 0) return;
    await withBus('delete consumer groups', async () => {
      await this.admin.deleteGroups([...groups]);
    });
  }
}

const toResource = (name: string, configs: Readonly<Record<string, string>>) => ({
  type: kafkajs.ConfigResourceTypes.TOPIC,
  name,
  configEntries: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
});

const isOwn = (of: object): boolean => (of as { readonly configSource?: number }).configSource === OF_TOPIC;
