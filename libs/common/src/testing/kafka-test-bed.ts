import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Admin, Consumer, Kafka, Producer } from 'kafkajs';
import type { RequestLosses } from '#common/bus/consumer/request-losses.js';
import { createKafka } from '#common/bus/kafka-client.js';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { CURSOR_PREFIX } from '#common/bus/kafka-groups.js';
import type { BusLogger } from '#common/bus/kafka-logger.js';
import { createTopics } from '#common/bus/topics/create-topics.js';
import { endpoints } from '#tools/services/endpoints.js';

/** Specs look at what comes out; a log line that matters is asked for with a logger of the spec's own. */
export const silentLogger: BusLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** For specs in which nothing is lost: a loss that is reported all the same makes them fail. */
export const noLosses: RequestLosses = {
  lost: (loss) => Promise.reject(new TypeError(`lost ${loss.topic} ${loss.fromOffset} to ${loss.toOffset}`)),
  replaced: ({ topic }) => Promise.reject(new TypeError(`${topic} is another one`)),
};

interface Transaction {
  readonly end: 'commit' | 'abort';
  readonly partition?: number;
}

/** The real broker, with names of its own for one spec file, and everything made under them removed at the end. */
export class KafkaTestBed {
  readonly kafka: Kafka = createKafka({ brokers: endpoints.kafka.brokers, clientId: 'spec', logger: silentLogger });
  private readonly closers: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly prefix: string,
    readonly admin: Admin,
    readonly producer: Producer,
    readonly cluster: KafkaCluster,
  ) {}

  static async open(prefix = `t-${randomBytes(5).toString('hex')}.`): Promise<KafkaTestBed> {
    const kafka = createKafka({ brokers: endpoints.kafka.brokers, clientId: 'spec', logger: silentLogger });
    const admin = kafka.admin();
    // A topic that is new refuses one partition and takes another: a producer that is not idempotent writes the latter twice.
    const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: true, maxInFlightRequests: 1 });
    await Promise.all([admin.connect(), producer.connect()]);
    return new KafkaTestBed(prefix, admin, producer, await KafkaCluster.open(kafka));
  }

  /** Creates a topic below the prefix and returns its full name. */
  async topic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = this.prefix + name;
    const configEntries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    await createTopics(this.admin, [{ topic, numPartitions: partitions, configEntries }]);
    return topic;
  }

  /** Runs before the topics are removed, last registered first. */
  onClose(closer: () => Promise<unknown>): void {
    this.closers.unshift(closer);
  }

  /** A running consumer of a group of its own, from the beginning; closed with the bed. */
  async consume(group: string, topic: string, eachValue: (text: string) => void): Promise<Consumer> {
    const consumer = this.kafka.consumer({ groupId: group, sessionTimeout: 6_000, maxWaitTimeInMs: 100 });
    this.onClose(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => eachValue(message.value?.toString() ?? ''),
    });
    return consumer;
  }

  /** Records in a transaction of their own. Resolves when its marker is written: the broker answers the end of a transaction before that. */
  async transact(topic: string, values: readonly string[], { end, partition = 0 }: Transaction): Promise<void> {
    const options = { transactionalId: `${this.prefix}tx`, idempotent: true, maxInFlightRequests: 1 };
    const producer = this.kafka.producer(options);
    await producer.connect();
    const before = await this.endOf(topic, partition);
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: values.map((value) => ({ value, partition })) });
    await transaction[end]();
    await producer.disconnect();
    const withMarker = before + values.length + 1;
    await until('the marker is written', async () => (await this.endOf(topic, partition)) === withMarker);
  }

  private async endOf(topic: string, partition: number): Promise<number> {
    const offsets = await this.admin.fetchTopicOffsets(topic);
    return Number(offsets.find((each) => each.partition === partition)?.high);
  }

  async close(): Promise<void> {
    for (const closer of this.closers) await closer();
    const { groups } = await this.admin.listGroups();
    const ours = groups.map(({ groupId }) => groupId).filter((group) => this.isOurs(group));
    if (ours.length > 0) await this.admin.deleteGroups(ours).catch(() => undefined);
    const topics = (await this.admin.listTopics()).filter((topic) => topic.startsWith(this.prefix));
    if (topics.length > 0) await this.admin.deleteTopics({ topics });
    await Promise.all([this.admin.disconnect(), this.producer.disconnect(), this.cluster.close()]);
  }

  private isOurs(group: string): boolean {
    return group.startsWith(this.prefix) || group.startsWith(CURSOR_PREFIX + this.prefix);
  }
}

/** Writes one message with a foreign client: `kcat -P` with the given options, the message on stdin. */
export async function kcatProduce(topic: string, message: string, options: readonly string[]): Promise<void> {
  const args = ['-P', '-b', endpoints.kafka.bootstrap, '-t', topic, '-p', '0', ...options];
  const child = spawn(endpoints.tools.kcat, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  child.stdin.end(message);
  const said = child.stderr.setEncoding('utf8').reduce((text, chunk) => text + chunk, '');
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`kcat ended with ${code}: ${await said}`);
}

/** Looks again until it is so. Throws after ten seconds, saying what was waited for. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
