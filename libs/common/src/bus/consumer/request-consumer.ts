import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerGroupJoinEvent, EachMessagePayload, Kafka } from 'kafkajs';
import type { BusLogger } from '#common/bus/kafka-logger.js';
import { commitWithTopicIds } from '#common/bus/kafkajs/commits.js';
import { toAppError } from '#common/errors/app-error.js';
import type { ConsumerState } from './consumer-state.js';
import { lookAtTopics, onCluster, type TopicLook } from './look-at-topics.js';
import { Positions } from './positions.js';
import type { RequestLosses } from './request-losses.js';

/**
 * What one fetch may bring, and so what a consumer holds while its handler waits for the catalog: some hundred requests of a partition.
 * kafkajs' own limits are ten times as large, and compressed bytes grow once they are here. A larger single batch still comes.
 */
const FETCH = { maxBytesPerPartition: 128 * 1024, maxBytes: 1024 * 1024 };

export interface RequestConsumerOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  /** Whole names. */
  readonly topics: readonly string[];
  readonly deliver: (payload: EachMessagePayload) => Promise<void>;
  readonly losses: RequestLosses;
  readonly state: ConsumerState;
  readonly logger: BusLogger;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  /** Between two looks at the topics. */
  readonly lookEveryMs: number;
  /** Given the consumer before it is connected. */
  readonly onOpen: (consumer: Consumer) => void;
}

/**
 * Reads the request topics that can be read, each of them from where the group left off, for as long as they stay the same: a topic that comes,
 * goes or is made anew ends it, and the next one finds its place again.
 */
export class RequestConsumer {
  private readonly positions: Positions;
  private readonly unreadable = new Map<string, string>();
  private joins = 0;

  constructor(private readonly o: RequestConsumerOptions) {
    this.positions = new Positions(o.kafka, o.groupId, o.losses);
    commitWithTopicIds(o.groupId, (topic) => this.positions.idOf(topic));
  }

  /** Resolves after a consumer that had joined its group went away, or when there is nothing to read; rejects when it never joined. */
  async readUntilChange(signal: AbortSignal): Promise<void> {
    const { kafka, topics, state } = this.o;
    const looks = await onCluster(kafka, (cluster) => lookAtTopics(cluster, topics));
    state.looked(looks, this.positions.lagOf(looks));
    this.tellUnreadable(looks);
    const readable = namesOf(looks);
    if (readable.length > 0) await this.read(readable, signal);
  }

  /** Once, until it changes. */
  private tellUnreadable(looks: readonly TopicLook[]): void {
    for (const { name: topic, error } of looks) {
      if ((this.unreadable.get(topic) ?? null) === error) continue;
      if (error === null) {
        this.unreadable.delete(topic);
        this.o.logger.info({ topic }, 'request topic can be read again');
      } else {
        this.unreadable.set(topic, error);
        this.o.logger.warn({ topic, reason: error }, 'request topic cannot be read; the others go on');
      }
    }
  }

  private async read(topics: readonly string[], signal: AbortSignal): Promise<void> {
    const { state, deliver, onOpen } = this.o;
    const consumer = this.open();
    const over = new AbortController();
    const end = (): void => over.abort();
    for (const event of [consumer.events.CRASH, consumer.events.DISCONNECT, consumer.events.STOP] as const)
      consumer.on(event, end);
    consumer.on(consumer.events.FETCH, () => state.polled());
    consumer.on(consumer.events.GROUP_JOIN, (join) => this.joined(consumer, join, over));
    signal.addEventListener('abort', end);
    onOpen(consumer);
    try {
      await consumer.connect();
      // A group without offsets starts at the beginning: requests made before the first start count, old ones are refused as expired.
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.run({ autoCommitThreshold: 1, eachMessage: (payload) => deliver(payload) });
      await this.watch(topics, over.signal);
    } finally {
      signal.removeEventListener('abort', end);
      over.abort();
      state.left();
      await consumer.disconnect();
    }
  }

  private open(): Consumer {
    const { kafka, groupId, sessionTimeoutMs, heartbeatMs } = this.o;
    return kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs * 2,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: 500,
      ...FETCH,
      allowAutoTopicCreation: false,
      retry: { retries: 5, restartOnFailure: async () => false },
    });
  }

  /** Called by kafkajs before it fetches anything of the new assignment, which is held until every partition has its place. */
  private joined(consumer: Consumer, { payload }: ConsumerGroupJoinEvent, over: AbortController): void {
    this.joins += 1;
    this.o.state.joined();
    this.positions.forget();
    const { memberAssignment } = payload;
    const partitions = Object.entries(memberAssignment).map(([topic, of]) => ({ topic, partitions: of }));
    consumer.pause(partitions);
    void this.placeAll(consumer, memberAssignment, over.signal).then((isPlaced) => {
      if (isPlaced) consumer.resume(partitions);
    });
  }

  /** False when there is nothing left to place: the group was joined once more, or the consumer is over. */
  private async placeAll(
    consumer: Consumer,
    assignment: ConsumerGroupJoinEvent['payload']['memberAssignment'],
    over: AbortSignal,
  ): Promise<boolean> {
    const { joins } = this;
    while (!over.aborted && joins === this.joins) {
      try {
        const placed = await this.positions.place(assignment);
        if (over.aborted || joins !== this.joins) return false;
        for (const { topic, partition, start, isMoved } of placed)
          if (isMoved) consumer.seek({ topic, partition, offset: start.offset.toString() });
        return true;
      } catch (error) {
        const { code, message } = toAppError(error);
        this.o.logger.warn({ code, groupId: this.o.groupId }, `looking for the place in the log failed: ${message}`);
        await pause(this.o.heartbeatMs, over);
      }
    }
    return false;
  }

  /** Until the topics to read are others than those that are read. An outage is for the consumer to notice. */
  private async watch(reading: readonly string[], over: AbortSignal): Promise<void> {
    const { kafka, topics, state, logger, groupId } = this.o;
    for (;;) {
      await pause(this.o.lookEveryMs, over);
      if (over.aborted) return;
      try {
        const looks = await onCluster(kafka, (cluster) => lookAtTopics(cluster, topics));
        if (over.aborted) return;
        await this.positions.findTrimmed(looks);
        state.looked(looks, this.positions.lagOf(looks));
        const isSame = namesOf(looks).join() === reading.join();
        if (!isSame || (await this.positions.findReplaced(looks)).length > 0) return;
      } catch (error) {
        const { code, message } = toAppError(error);
        logger.warn({ code, groupId }, `looking at the request topics failed: ${message}`);
      }
    }
  }

  /** Before a message is handled. Throws: bus.unavailable, catalog.unavailable. */
  reach({ topic, partition, message }: EachMessagePayload): Promise<void> {
    return this.positions.reach({ topic, partition }, BigInt(message.offset));
  }

  /** After it was handled. */
  passed({ topic, partition, message }: EachMessagePayload): void {
    this.positions.passed({ topic, partition }, BigInt(message.offset));
  }
}

const namesOf = (looks: readonly TopicLook[]): string[] =>
  looks.filter(({ error }) => error === null).map(({ name }) => name);

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);
