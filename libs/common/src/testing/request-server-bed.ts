import type { Kafka } from 'kafkajs';
import { ConsumerState } from '#common/bus/consumer/consumer-state.js';
import type { LostRequests, ReplacedTopic, RequestLosses } from '#common/bus/consumer/request-losses.js';
import { createDeadLetterBox, type DeadLetterBox } from '#common/bus/dead-letter.js';
import { HoldfastKafkaServer } from '#common/bus/nest/holdfast-kafka-server.js';
import { BusPublisher } from '#common/bus/producer.js';
import { DEAD_LETTER } from '#common/bus/topics/topics.js';
import type { Event } from '#common/contracts/envelope.js';
import { KafkaTestBed, silentLogger, until } from './kafka-test-bed.js';

export interface ServeOptions {
  /** Default: a group that no server had before. */
  readonly groupId?: string;
  readonly types: readonly string[];
  readonly handle?: (event: Event<unknown>) => Promise<void>;
  /** Default: a client of the bed, whose wire holds. */
  readonly kafka?: Kafka;
  readonly deadLetters?: DeadLetterBox;
  /** Default: noted in `lost` and `replaced`. */
  readonly losses?: RequestLosses;
}

export interface Served {
  readonly groupId: string;
  /** Of the events that were handled, in order. */
  readonly ids: string[];
  readonly lost: LostRequests[];
  readonly replaced: ReplacedTopic[];
  readonly state: ConsumerState;
}

/** Servers that take requests from the real broker, each with a session of 1.5 s, so that a spec sees a member go. */
export class RequestServerBed {
  private readonly servers: HoldfastKafkaServer[] = [];
  private groups = 0;

  private constructor(
    readonly kafka: KafkaTestBed,
    readonly publisher: BusPublisher,
  ) {}

  static async open(): Promise<RequestServerBed> {
    const kafka = await KafkaTestBed.open();
    const publisher = new BusPublisher(kafka.kafka, kafka.prefix);
    kafka.onClose(() => publisher.close());
    await kafka.topic(DEAD_LETTER);
    return new RequestServerBed(kafka, publisher);
  }

  newGroup(): string {
    this.groups += 1;
    return `${this.kafka.prefix}group-${this.groups}`;
  }

  deadLetters(): DeadLetterBox {
    return createDeadLetterBox(this.publisher, { topicPrefix: this.kafka.prefix });
  }

  async serve({ groupId = this.newGroup(), types, handle, ...o }: ServeOptions): Promise<Served> {
    const served: Served = { groupId, ids: [], lost: [], replaced: [], state: new ConsumerState() };
    const noted: RequestLosses = {
      lost: async (loss) => void served.lost.push(loss),
      replaced: async (topic) => void served.replaced.push(topic),
    };
    const server = new HoldfastKafkaServer({
      ...{ groupId, topicPrefix: this.kafka.prefix, logger: silentLogger, state: served.state },
      ...{ kafka: o.kafka ?? this.kafka.kafka, deadLetters: o.deadLetters ?? this.deadLetters() },
      ...{ losses: o.losses ?? noted, sessionTimeoutMs: 1_500, backoffMs: 20, lookEveryMs: 100 },
    });
    const onEvent = async (event: Event<unknown>): Promise<void> => {
      await handle?.(event);
      served.ids.push(event.id);
    };
    for (const type of types) server.addHandler(type, onEvent, true);
    this.servers.push(server);
    await server.listen((error) => {
      if (error !== undefined) throw error;
    });
    return served;
  }

  /** Closes every server; topics and groups stay. */
  async stopServers(): Promise<void> {
    for (const server of this.servers.splice(0)) await server.close();
  }

  async close(): Promise<void> {
    await this.stopServers();
    await this.kafka.close();
  }
}

export const handled = ({ ids }: Served, ...wanted: readonly string[]): Promise<void> =>
  until(`${wanted.join(', ')} are handled`, () => wanted.every((id) => ids.includes(id)));
