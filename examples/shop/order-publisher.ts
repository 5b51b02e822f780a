import { Partitioners, type Producer } from 'kafkajs';
import type { ShopConfig } from './config.js';
import { openKafka } from './kafka.js';
import type { OrderPlaced } from './order-event.js';

/** Puts orders on the bus. An order sent twice is one order: the projector knows it by its id. */
export class OrderPublisher {
  private readonly producer: Producer;
  private connecting: Promise<void> | undefined;

  constructor(private readonly config: ShopConfig) {
    this.producer = openKafka(config).producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 4, initialRetryTime: 100 },
    });
  }

  /** Returns once every in-sync replica has the order. */
  async publish(order: OrderPlaced): Promise<void> {
    await this.connect();
    await this.producer.send({
      topic: this.config.topic,
      acks: -1,
      messages: [
        {
          key: order.tenantId,
          value: JSON.stringify(order),
          headers: { 'content-type': 'application/json', 'event-type': order.type },
        },
      ],
    });
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
  }

  private connect(): Promise<void> {
    this.connecting ??= this.producer.connect().catch((error) => {
      this.connecting = undefined;
      throw error;
    });
    return this.connecting;
  }
}
