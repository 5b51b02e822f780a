import { setTimeout as sleep } from 'node:timers/promises';
import { type IHeaders, type Kafka, Partitioners, type Producer, type Transaction } from 'kafkajs';
import { kafkaErrorType, toBusError, withBus } from '../bus-error.js';
import { CURSOR_PREFIX, type PartitionCommit } from '../kafka-groups.js';

export interface CopiedRecord {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  readonly timestamp: bigint;
}

export interface ReplayWrite {
  readonly topic: string;
  readonly records: readonly CopiedRecord[];
  /** Where the replay then stands, committed in the same transaction for the group that keeps its cursor. */
  readonly cursorGroup: string;
  readonly cursor: readonly PartitionCommit[];
}

const STILL_ENDING = 'CONCURRENT_TRANSACTIONS';
const TRIES = 50;
const RETRY_MS = 20;

/**
 * Writes copies and the cursor in one transaction: either both are there or neither. One transactional id per replay, so opening it
 * ends whatever an earlier attempt left open and fences that attempt out; read the cursor after opening, never before.
 */
export class ReplayProducer {
  private constructor(
    private readonly producer: Producer,
    private next: Transaction | undefined,
  ) {}

  /** Throws: bus.unavailable. */
  static async open(kafka: Kafka, replayId: string): Promise<ReplayProducer> {
    const producer = kafka.producer({
      transactionalId: CURSOR_PREFIX + replayId,
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: 30_000,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    try {
      await producer.connect();
      // kafkajs asks for the producer id, and with it for the end of an older transaction, only when one begins.
      return new ReplayProducer(producer, await producer.transaction());
    } catch (error) {
      await producer.disconnect().catch(() => undefined);
      throw toBusError(error, `begin the transactions of replay ${replayId}`);
    }
  }

  /** All or nothing. After an error the producer is not used again: only the cursor says whether the write happened. Throws: bus.unavailable. */
  async write(write: ReplayWrite): Promise<void> {
    await withBus(`copy records to ${write.topic}`, async () => {
      for (let tries = 1; !(await this.tryWrite(write, tries)); tries += 1) await sleep(RETRY_MS);
    });
  }

  async close(): Promise<void> {
    await this.producer.disconnect().catch(() => undefined);
  }

  /** Returns false when the broker is still ending the transaction before this one. */
  private async tryWrite(write: ReplayWrite, tries: number): Promise<boolean> {
    const transaction = this.next ?? (await this.producer.transaction());
    this.next = undefined;
    try {
      await fill(transaction, write);
    } catch (error) {
      await transaction.abort().catch(() => undefined);
      if (kafkaErrorType(error) === STILL_ENDING && tries < TRIES) return false;
      throw error;
    }
    await transaction.commit();
    return true;
  }
}

async function fill(transaction: Transaction, { topic, records, cursorGroup, cursor }: ReplayWrite): Promise<void> {
  if (records.length > 0) {
    const messages = records.map(({ timestamp, ...record }) => ({ ...record, timestamp: timestamp.toString() }));
    await transaction.send({ topic, messages });
  }
  const topics = [...Map.groupBy(cursor, (at) => at.topic)].map(([name, of]) => ({
    topic: name,
    partitions: of.map(({ partition, offset, metadata }) => ({ partition, offset: offset.toString(), metadata })),
  }));
  await transaction.sendOffsets({ consumerGroupId: cursorGroup, topics });
}
