import type { Consumer, Kafka } from 'kafkajs';
import { createKafka } from '#common/bus/kafka-client.js';
import { findMissingTopics, topicNames } from '#common/bus/topics/topics.js';
import { silentLogger } from '#common/testing/kafka-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Waiting, waitUntil } from './wait-until.js';

/** One message of the bus, read without any code of Holdfast's codec: what any other consumer would see. */
export interface SeenMessage {
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
  /** By performance.now() of this process. */
  readonly seenAtMs: number;
}

export interface SeenEvent extends SeenMessage {
  readonly type: string;
  readonly id: string;
  readonly source: string;
  readonly correlationId: string | undefined;
  readonly causationId: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: a foreign consumer knows no types; specs assert what they read.
  readonly data: any;
}

export type Where = (event: SeenEvent) => boolean;

/** Reads every topic of one platform from its beginning, and keeps all of it. */
export class BusWatch {
  readonly messages: SeenMessage[] = [];
  private consumer: Consumer | undefined;

  private constructor(
    readonly kafka: Kafka,
    private readonly topicPrefix: string,
  ) {}

  /** Resolves once the services have made the topics. */
  static async open(topicPrefix: string, brokers: readonly string[] = endpoints.kafka.brokers): Promise<BusWatch> {
    const kafka = createKafka({ brokers: [...brokers], clientId: 'watch', logger: silentLogger });
    const watch = new BusWatch(kafka, topicPrefix);
    await waitUntil('the topics exist', async () => (await findMissingTopics(kafka, topicPrefix)).length === 0);
    await watch.start();
    return watch;
  }

  /** Only events: dead letters may be anything. */
  get events(): SeenEvent[] {
    return this.messages.filter(({ topic }) => topic !== 'holdfast.dead-letter').map(toSeenEvent);
  }

  get deadLetters(): SeenMessage[] {
    return this.messages.filter(({ topic }) => topic === 'holdfast.dead-letter');
  }

  of(type: string, where: Where = () => true): SeenEvent[] {
    return this.events.filter((event) => event.type === type && where(event));
  }

  /** The first event of the type that fits, seen already or still to come. */
  async next(type: string, where: Where = () => true, waiting: Waiting = {}): Promise<SeenEvent> {
    const explain = () => `${this.summary()}\n${waiting.explain?.() ?? ''}`;
    return waitUntil(`${type} is on the bus`, () => this.of(type, where)[0], { ...waiting, explain });
  }

  summary(): string {
    return this.events.map(({ type, causationId, data }) => `${type} ← ${causationId} ${toShort(data)}`).join('\n');
  }

  /** Ends reading, and removes every topic and group below the prefix. */
  async close(): Promise<void> {
    await this.consumer?.disconnect();
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      const { groups } = await admin.listGroups();
      const ours = groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(this.topicPrefix));
      if (ours.length > 0) await admin.deleteGroups(ours).catch(() => undefined);
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.topicPrefix));
      if (topics.length > 0) await admin.deleteTopics({ topics });
    } finally {
      await admin.disconnect();
    }
  }

  private async start(): Promise<void> {
    const { topicPrefix } = this;
    this.consumer = this.kafka.consumer({ groupId: `${topicPrefix}watch`, maxWaitTimeInMs: 200 });
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [...topicNames(topicPrefix)], fromBeginning: true });
    await this.consumer.run({
      eachMessage: async ({ topic, partition, message }) => {
        this.messages.push({
          ...{ topic: topic.slice(topicPrefix.length), partition, offset: message.offset },
          key: message.key?.toString() ?? '',
          value: message.value ?? Buffer.alloc(0),
          seenAtMs: performance.now(),
          headers: Object.fromEntries(
            Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
          ),
        });
      },
    });
  }
}

/** What was published for Holdfast may be broken on purpose: such a message has no data. */
function toSeenEvent(message: SeenMessage): SeenEvent {
  const { headers, value } = message;
  return {
    ...message,
    type: headers['ce_type'] ?? message.topic,
    id: headers['ce_id'] ?? '',
    source: headers['ce_source'] ?? '',
    correlationId: headers['ce_correlationid'],
    causationId: headers['ce_causationid'],
    data: parseOrUndefined(value),
  };
}

function parseOrUndefined(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}

const toShort = (data: unknown): string => (JSON.stringify(data) ?? '').slice(0, 240);
