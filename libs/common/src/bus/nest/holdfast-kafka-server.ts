import { setTimeout as sleep } from 'node:timers/promises';
import { ServerKafka } from '@nestjs/microservices';
import type { Consumer, EachMessagePayload, Kafka } from 'kafkajs';
import { isObservable, lastValueFrom } from 'rxjs';
import type { DeadLetterBox } from '#common/bus/dead-letter.js';
import type { BusLogger } from '#common/bus/kafka-logger.js';
import type { Event } from '#common/contracts/envelope.js';
import { AppError } from '#common/errors/app-error.js';
import type { BusContext } from './bus-context.js';
import { deliverMessage } from './deliver-message.js';

/**
 * What one fetch may bring, and so what a consumer holds while its handler waits for the catalog: some hundred requests of a partition.
 * kafkajs' own limits are ten times as large, and compressed bytes grow once they are here. A larger single batch still comes.
 */
const FETCH = { maxBytesPerPartition: 128 * 1024, maxBytes: 1024 * 1024 };

export interface HoldfastKafkaServerOptions {
  readonly kafka: Kafka;
  /** Exactly this group: nothing is appended. */
  readonly groupId: string;
  /** In front of every topic; handlers know event types only. */
  readonly topicPrefix: string;
  readonly deadLetters: DeadLetterBox;
  readonly logger: BusLogger;
  readonly sessionTimeoutMs?: number;
  /** Before the second try of a handler or a connection; doubles up to thirty times this. */
  readonly backoffMs?: number;
}

/**
 * Nest's Kafka transport, with the one method overridden that loses bytes and errors: a message reaches our codec as it was written,
 * its offset is committed only after its handler resolved or its dead letter is written, and a poison message never stops the rest.
 * An outage of the bus stops no service: the consumer is opened in the background and opened again after every crash.
 * What Nest's own does with them was seen in experiments: docs/decisions.
 */
export class HoldfastKafkaServer extends ServerKafka {
  private readonly stopping = new AbortController();
  private consuming: Promise<void> = Promise.resolve();

  constructor(private readonly bus: HoldfastKafkaServerOptions) {
    super({ consumer: { groupId: bus.groupId }, postfixId: '' });
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    if (this.messageHandlers.size > 0) this.consuming = this.consumeForever();
    callback();
  }

  override async close(): Promise<void> {
    this.stopping.abort(new Error('the service is stopping'));
    await this.consumer?.disconnect();
    await this.consuming;
    this.consumer = null;
  }

  override async handleMessage(payload: EachMessagePayload): Promise<void> {
    const { groupId, topicPrefix, deadLetters, logger, backoffMs = 1_000 } = this.bus;
    const handle = (event: Event<unknown>, context: BusContext): Promise<void> => this.handleOne(event, context);
    const { signal } = this.stopping;
    const delivery = {
      groupId,
      topicPrefix,
      deadLetters,
      logger,
      backoffMs,
      signal,
      handle,
      heartbeatMs: this.heartbeatMs,
    };
    await deliverMessage(payload, delivery);
  }

  private get heartbeatMs(): number {
    return Math.round(this.sessionTimeoutMs / 10);
  }

  private get sessionTimeoutMs(): number {
    return this.bus.sessionTimeoutMs ?? 30_000;
  }

  private async consumeForever(): Promise<void> {
    const { backoffMs = 1_000, logger, groupId } = this.bus;
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.consumeUntilCrash();
        failures = 0;
      } catch (error) {
        failures += 1;
        logger.warn({ groupId, reason: String(error) }, 'the bus consumer could not start and is opened again');
      }
      const waitMs = Math.min(backoffMs * 2 ** failures, backoffMs * 30);
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Resolves after a consumer that had joined its group went away; rejects when it never joined. */
  private async consumeUntilCrash(): Promise<void> {
    const consumer = this.openConsumer();
    const ended = new Promise<void>((resolve) => {
      consumer.on(consumer.events.CRASH, () => resolve());
      consumer.on(consumer.events.DISCONNECT, () => resolve());
    });
    try {
      await consumer.connect();
      // A group without offsets starts at the beginning: requests made before the first start count, old ones are refused as expired.
      await consumer.subscribe({ topics: this.topics(), fromBeginning: true });
      await consumer.run({
        autoCommitThreshold: 1,
        eachMessage: (payload) => this.handleMessage(payload),
      });
      await ended;
    } finally {
      await consumer.disconnect();
    }
  }

  private openConsumer(): Consumer {
    const consumer = this.bus.kafka.consumer({
      groupId: this.bus.groupId,
      sessionTimeout: this.sessionTimeoutMs,
      rebalanceTimeout: this.sessionTimeoutMs * 2,
      heartbeatInterval: this.heartbeatMs,
      maxWaitTimeInMs: 500,
      ...FETCH,
      allowAutoTopicCreation: false,
      retry: { retries: 5, restartOnFailure: async () => false },
    });
    // Nest's copy of the type says the same in other words.
    this.consumer = consumer as unknown as typeof this.consumer;
    this.registerConsumerEventListeners();
    return consumer;
  }

  private topics(): string[] {
    return [...this.messageHandlers.keys()].map((type) => this.bus.topicPrefix + type);
  }

  private async handleOne(event: Event<unknown>, context: BusContext): Promise<void> {
    let handler = this.messageHandlers.get(event.type);
    if (handler === undefined) throw new AppError('internal.bug', `no handler for event type ${event.type}`);
    for (; handler !== undefined; handler = handler.next as typeof handler | undefined) {
      const result: unknown = await handler(event, context);
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    }
  }
}
