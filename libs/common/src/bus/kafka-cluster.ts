import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, Cluster, Kafka } from 'kafkajs';
import { AppError } from '#common/errors/app-error.js';
import { toBusError, withBus } from './bus-error.js';

/** A request of the Kafka protocol as kafkajs sends it, with the reader of its answer. */
export interface ProtocolExchange<T> {
  readonly request: unknown;
  readonly response: {
    readonly decode: (bytes: Buffer) => Promise<T>;
    readonly parse: (decoded: T) => Promise<T>;
  };
  readonly requestTimeout?: number;
}

const TRIES = 30;
const RETRY_MS = 100;

/** Ends are the next offset to be written, also while a transaction is open; fetches read committed all the same. */
const READ_UNCOMMITTED = 0;

interface Connection {
  send<T>(exchange: ProtocolExchange<T>): Promise<T>;
}

interface ConnectionPool {
  getConnectionByRequest(exchange: ProtocolExchange<unknown>): Promise<Connection>;
}

interface OpenBroker extends Broker {
  readonly connectionPool: ConnectionPool;
}

/**
 * A connection below kafkajs' consumers and producers: reads at exact offsets and commits for a group without joining it,
 * which its public API cannot do without a silent reset. Only this file reaches for the private constructor.
 * Every request goes through `exchange` or `retry`: `close` waits for those, and for nothing else.
 */
export class KafkaCluster {
  private readonly connecting = new WeakMap<ConnectionPool, Promise<Connection>>();
  private readonly running = new Set<Promise<unknown>>();
  private isClosed = false;

  private constructor(readonly cluster: Cluster) {}

  /** Throws: bus.unavailable. */
  static async open(kafka: Kafka): Promise<KafkaCluster> {
    const name = Object.getOwnPropertySymbols(kafka).find((symbol) => symbol.description?.endsWith('createCluster'));
    if (name === undefined) throw new AppError('internal.bug', 'this version of kafkajs opens clusters in another way');
    const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[name];
    const cluster = create?.({
      allowAutoTopicCreation: false,
      metadataMaxAge: 60_000,
      isolationLevel: READ_UNCOMMITTED,
    });
    if (cluster === undefined) throw new AppError('internal.bug', 'kafkajs opened no cluster');
    try {
      await cluster.connect();
      // Connecting alone knows no broker by its id, and without one even the cluster id cannot be asked for.
      await cluster.refreshMetadata();
      return new KafkaCluster(cluster);
    } catch (error) {
      await cluster.disconnect().catch(() => undefined);
      throw toBusError(error, 'connect to the bus');
    }
  }

  /** One exchange, again while the answer is only that a leader or coordinator moved or loads. Throws: bus.unavailable. */
  exchange<T>(doing: string, work: () => Promise<T>): Promise<T> {
    return withBus(doing, () => this.retry(work));
  }

  /** The same, throwing what kafkajs throws. */
  async retry<T>(work: () => Promise<T>): Promise<T> {
    if (this.isClosed) throw new AppError('bus.unavailable', 'the connection to the bus is closed');
    const running = this.tryAgain(work);
    this.running.add(running);
    try {
      return await running;
    } finally {
      this.running.delete(running);
    }
  }

  /**
   * Ends what still runs, then the sockets. A caller that asked for several things at once learns of the first failure and closes while the
   * others go on; kafkajs would connect again for them, and no code would ever close that socket.
   */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled(this.running);
    await this.cluster.disconnect();
  }

  private async tryAgain<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (this.isClosed || tries >= TRIES || !isPassing(error)) throw error;
        await sleep(RETRY_MS);
        await this.cluster.refreshMetadata().catch(() => undefined);
      }
    }
  }

  /** Asks the partition's present leader. */
  async askLeader<T>(topic: string, partition: number, exchange: ProtocolExchange<T>): Promise<T> {
    const leaders = Object.keys(this.cluster.findLeaderForPartitions(topic, [partition]));
    const [nodeId] = leaders;
    if (nodeId === undefined)
      throw new AppError('bus.topic-missing', `topic ${topic} has no partition ${partition}`, { topic, partition });
    return this.ask(nodeId, exchange);
  }

  async ask<T>(nodeId: string, exchange: ProtocolExchange<T>): Promise<T> {
    const broker = (await this.cluster.findBroker({ nodeId })) as OpenBroker;
    const connection = await this.connect(broker.connectionPool, exchange);
    return connection.send(exchange);
  }

  /** One after the other: two first requests at once make kafkajs open two sockets and forget one, which is then never closed. */
  private connect<T>(pool: ConnectionPool, exchange: ProtocolExchange<T>): Promise<Connection> {
    const next = (): Promise<Connection> => pool.getConnectionByRequest(exchange as ProtocolExchange<unknown>);
    const connection = this.connecting.get(pool)?.then(next, next) ?? next();
    this.connecting.set(pool, connection);
    return connection;
  }

  /** Partition numbers in order, of a topic as it is now. Throws: bus.topic-missing, bus.unavailable. */
  async partitionsOf(topic: string): Promise<readonly number[]> {
    await this.exchange(`read the metadata of topic ${topic}`, () => this.loadTopic(topic));
    const partitions = this.cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
    if (partitions.length === 0) throw topicMissing(topic);
    return partitions.sort((a, b) => a - b);
  }

  private async loadTopic(topic: string): Promise<void> {
    try {
      await this.cluster.addTargetTopic(topic);
      await this.cluster.refreshMetadataIfNecessary();
    } catch (error) {
      if ((error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') throw topicMissing(topic);
      throw error;
    }
  }
}

/** kafkajs marks what passes by itself; an outage is for the caller, who knows how long to wait. */
function isPassing(error: unknown): boolean {
  const { type, retriable } = error as { type?: string; retriable?: boolean };
  return type !== undefined && retriable === true;
}

const topicMissing = (topic: string): AppError =>
  new AppError('bus.topic-missing', `topic ${topic} does not exist`, { topic });
