import { type Kafka, Partitioners, type Producer, type TopicMessages } from 'kafkajs';
import type { Event } from '#common/contracts/envelope.js';
import { AppError } from '#common/errors/app-error.js';
import { kafkaErrorType, toBusError } from './bus-error.js';
import { toKafkaMessage } from './cloud-event-codec.js';

export interface OutgoingEvent {
  readonly event: Event<unknown>;
  /** `definition.key(event.data)`: order holds per key. */
  readonly key: string;
}

/**
 * Writes to the bus at least once and in order: acknowledged by all in-sync replicas, one request in flight, idempotent towards
 * its own retries. After any failure the next call starts with a new producer, so an outage needs no restart.
 */
export class BusPublisher {
  private current: Opening | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly topicPrefix = '',
  ) {}

  /** All or an error; after an error some may have been written, so the caller publishes all of them again. Throws: bus.unavailable, bus.refused. */
  async publish(events: readonly OutgoingEvent[]): Promise<void> {
    const byTopic = Map.groupBy(events, ({ event }) => this.topicPrefix + event.type);
    await this.send(
      [...byTopic].map(([topic, of]) => ({ topic, messages: of.map(({ event, key }) => toKafkaMessage(event, key)) })),
    );
  }

  /** Records as they are, for what is no event of ours: dead letters. Throws: bus.unavailable. */
  async send(topicMessages: TopicMessages[]): Promise<void> {
    if (topicMessages.length === 0) return;
    const opening = this.open();
    const sending = opening.producer.then((producer) => producer.sendBatch({ acks: -1, topicMessages }));
    opening.sending.add(sending);
    try {
      await sending;
      opening.sending.delete(sending);
    } catch (error) {
      if (this.current === opening) this.current = undefined;
      await disconnect(opening);
      throw toPublishError(error, `publish to ${topicMessages.map(({ topic }) => topic).join(', ')}`);
    }
  }

  async close(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    if (current !== undefined) await disconnect(current);
  }

  private open(): Opening {
    this.current ??= { producer: connect(this.kafka), sending: new Set() };
    return this.current;
  }
}

interface Opening {
  readonly producer: Promise<Producer>;
  readonly sending: Set<Promise<unknown>>;
}

/** What the broker will never take, however often it is offered. */
const REFUSALS = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

function toPublishError(error: unknown, doing: string): AppError {
  const type = kafkaErrorType(error);
  if (type === undefined || !REFUSALS.has(type)) return toBusError(error, doing);
  return new AppError('bus.refused', `cannot ${doing}: ${type}`, { kafkaError: type }, { cause: error });
}

async function connect(kafka: Kafka): Promise<Producer> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  try {
    await producer.connect();
    return producer;
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
}

/**
 * The failure that led here is the one to report. Waits for what is still being sent: kafkajs would connect again for it, and nobody
 * would close that socket.
 */
async function disconnect({ producer, sending }: Opening): Promise<void> {
  await Promise.allSettled(sending);
  await producer.then((opened) => opened.disconnect()).catch(() => undefined);
}
