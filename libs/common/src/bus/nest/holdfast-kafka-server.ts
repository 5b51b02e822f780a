import { setTimeout as sleep } from 'node:timers/promises';
import { ServerKafka } from '@nestjs/microservices';
import type { EachMessagePayload, Kafka } from 'kafkajs';
import { isObservable, lastValueFrom } from 'rxjs';
import { ConsumerState } from '#common/bus/consumer/consumer-state.js';
import { RequestConsumer } from '#common/bus/consumer/request-consumer.js';
import type { RequestLosses } from '#common/bus/consumer/request-losses.js';
import type { DeadLetterBox } from '#common/bus/dead-letter.js';
import type { BusLogger } from '#common/bus/kafka-logger.js';
import type { Event } from '#common/contracts/envelope.js';
import { toBackoffMs } from '#common/domain/backoff.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { BusContext } from './bus-context.js';
import { deliverMessage } from './deliver-message.js';
import { keepTrying } from './keep-trying.js';

export interface HoldfastKafkaServerOptions {
  readonly kafka: Kafka;
  /** Exactly this group: nothing is appended. */
  readonly groupId: string;
  /** In front of every topic; handlers know event types only. */
  readonly topicPrefix: string;
  readonly deadLetters: DeadLetterBox;
  readonly logger: BusLogger;
  readonly sessionTimeoutMs?: number;
  /** Between two looks at the topics: whether they are there, and the same. Default 5 s. */
  readonly lookEveryMs?: number;
  readonly losses: RequestLosses;
  /** Default: one of the server's own, which no health check reads. */
  readonly state?: ConsumerState;
  /** Before the second try of a handler or a connection; doubles up to thirty times this. */
  readonly backoffMs?: number;
}

/**
 * Nest's Kafka transport, with the one method overridden that loses bytes and errors: a message reaches our codec as it was written,
 * its offset is committed only after its handler resolved or its dead letter is written, and a poison message never stops the rest.
 * An outage of the bus stops no service: the consumer is opened in the background and opened again after every crash. A topic that is
 * missing or forbidden stops only itself.
 * What Nest's own does with them was seen in experiments: docs/decisions.
 */
export class HoldfastKafkaServer extends ServerKafka {
  private readonly stopping = new AbortController();
  private consuming: Promise<void> = Promise.resolve();
  private requests: RequestConsumer | undefined;

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
    const patience = { ...delivery, heartbeat: payload.heartbeat };
    await keepTrying(async () => this.requests?.reach(payload), patience);
    await deliverMessage(payload, delivery);
    this.requests?.passed(payload);
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
    const requests = this.openRequests();
    this.requests = requests;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await requests.readUntilChange(signal);
        failures = 0;
      } catch (error) {
        failures += 1;
        logger.warn({ groupId, reason: toText(error) }, 'the bus consumer could not start and is opened again');
      }
      const waitMs = toBackoffMs(failures + 1, { firstMs: backoffMs, maxMs: backoffMs * 30 }, Math.random());
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private openRequests(): RequestConsumer {
    const { kafka, groupId, losses, logger, lookEveryMs = 5_000, state = new ConsumerState() } = this.bus;
    const { sessionTimeoutMs, heartbeatMs } = this;
    return new RequestConsumer({
      ...{ kafka, groupId, losses, logger, lookEveryMs, state, sessionTimeoutMs, heartbeatMs },
      topics: this.topics(),
      deliver: (payload) => this.handleMessage(payload),
      onOpen: (consumer) => {
        // Nest's copy of the type says the same in other words.
        this.consumer = consumer as unknown as typeof this.consumer;
        this.registerConsumerEventListeners();
      },
    });
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
