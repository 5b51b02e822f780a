import Encoder from 'kafkajs/src/protocol/encoder.js';
import produceResponse from 'kafkajs/src/protocol/requests/produce/v7/response.js';
import { toBusError } from '../bus-error.js';
import type { KafkaCluster, ProtocolExchange } from '../kafka-cluster.js';
import { stampBatch } from './portable-batch.js';
import { readHead } from './record-batch.js';

const PRODUCE = 0;
const VERSION = 7;
const ALL_REPLICAS = -1;
const TIMEOUT_MS = 30_000;
const TRANSACTION = 1;
const SEQUENCES = 2 ** 31;
/** A broker knows the last five batches of a producer again, and no more: what is sent twice among them is written once. */
export const WINDOW = 5;

interface Coordinator {
  initProducerId(o: { readonly transactionalId: string; readonly transactionTimeout: number }): Promise<{
    readonly producerId: string;
    readonly producerEpoch: number;
  }>;
}

type Produced = Awaited<ReturnType<typeof produceResponse.decode>>;

/**
 * Writes record batches as they are, in order, each once. Opening it under a name fences out every producer that was opened under the same
 * name before: as soon as this one has written to a partition, the broker refuses what the other one sends there.
 */
export class BatchProducer {
  private readonly sequences = new Map<string, number>();

  private constructor(
    private readonly cluster: KafkaCluster,
    private readonly id: { readonly producerId: bigint; readonly epoch: number },
  ) {}

  /** Throws: bus.unavailable. */
  static async open(cluster: KafkaCluster, name: string): Promise<BatchProducer> {
    const { producerId, producerEpoch } = await cluster.exchange(`open producer ${name}`, async () => {
      const coordinator = (await cluster.cluster.findGroupCoordinator({
        groupId: name,
        coordinatorType: TRANSACTION,
      } as never)) as unknown as Coordinator;
      return coordinator.initProducerId({ transactionalId: name, transactionTimeout: TIMEOUT_MS });
    });
    return new BatchProducer(cluster, { producerId: BigInt(producerId), epoch: producerEpoch });
  }

  /**
   * At most `WINDOW` batches, which are changed. Returns the offset of each batch's first record. Throws: bus.unavailable; the partition then has
   * a beginning of them, and the producer is not used again.
   */
  async append(topic: string, partition: number, batches: readonly Buffer[]): Promise<readonly bigint[]> {
    for (const batch of batches) stampBatch(batch, { ...this.id, sequence: this.take(topic, partition, batch) });
    const send = async (): Promise<readonly bigint[]> => {
      // All are on their way at once, in this order; every answer is waited for before anything is sent again.
      const sent = await Promise.allSettled(batches.map((batch) => this.send(topic, partition, batch)));
      const refused = sent.find((each) => each.status === 'rejected');
      if (refused !== undefined) throw refused.reason;
      return sent.map((each) => (each as PromiseFulfilledResult<bigint>).value);
    };
    return this.cluster.retry(send).catch((error: unknown) => {
      throw toBusError(error, `write to ${topic}/${partition}`);
    });
  }

  private take(topic: string, partition: number, batch: Buffer): number {
    const key = `${topic}/${partition}`;
    const sequence = this.sequences.get(key) ?? 0;
    this.sequences.set(key, (sequence + readHead(batch).records) % SEQUENCES);
    return sequence;
  }

  private async send(topic: string, partition: number, batch: Buffer): Promise<bigint> {
    const answer = await this.cluster.askLeader(topic, partition, toExchange(topic, partition, batch));
    return BigInt(answer.topics[0]?.partitions[0]?.baseOffset ?? -1);
  }
}

/** Produce request, version 7. */
function toExchange(topic: string, partition: number, batch: Buffer): ProtocolExchange<Produced> {
  const encode = async (): Promise<Encoder> => {
    const records = new Encoder().writeInt32(partition).writeInt32(batch.length).writeBuffer(batch);
    const ofTopic = new Encoder().writeString(topic).writeArray([records]);
    return new Encoder().writeString(null).writeInt16(ALL_REPLICAS).writeInt32(TIMEOUT_MS).writeArray([ofTopic]);
  };
  const request = { apiKey: PRODUCE, apiVersion: VERSION, apiName: 'Produce', encode };
  return { request, response: produceResponse, requestTimeout: TIMEOUT_MS + 5_000 };
}
