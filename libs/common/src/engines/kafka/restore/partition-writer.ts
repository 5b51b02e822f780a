import { type BatchProducer, WINDOW } from '#common/bus/records/batch-producer.js';
import { toPortable } from '#common/bus/records/portable-batch.js';
import { RecordDigest } from '#common/engines/kafka/record-digest.js';
import type { PartitionFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';

export interface Written {
  readonly records: number;
  readonly sha256: string;
}

export interface WriterOptions {
  readonly topic: string;
  readonly partition: number;
  /** Of the first record that the restore writes there. */
  readonly baseOffset: bigint;
  /** Records below it are not part of the backup. */
  readonly startOffset: bigint;
  /** Of an increment: what each backup of the chain holds. */
  readonly links: PartitionFacts['links'];
  /** What earlier attempts have written: it is compared, and not written again. */
  readonly written: Written;
}

/** Writes one partition in order, and knows at any time which offset the next record gets: no other producer may come between. */
export class PartitionWriter {
  private readonly digest: RecordDigest;
  private readonly window: { readonly batch: Buffer; readonly offset: bigint }[] = [];

  constructor(
    private readonly producer: BatchProducer,
    private readonly o: WriterOptions,
  ) {
    this.digest = new RecordDigest(o.startOffset, [], o.links);
    this.compareWritten();
  }

  /** Throws: bus.unavailable, kafka.destination-changed. */
  async write(batch: Buffer): Promise<void> {
    const { written, startOffset } = this.o;
    const before = this.digest.records;
    this.digest.add(batch);
    if (before < written.records) return this.compareWritten();
    const portable = toPortable(batch, startOffset);
    if (portable === undefined) return;
    this.window.push({ batch: portable, offset: this.o.baseOffset + BigInt(before) });
    if (this.window.length >= WINDOW) await this.flush();
  }

  async flush(): Promise<void> {
    const window = this.window.splice(0);
    if (window.length === 0) return;
    const { topic, partition } = this.o;
    const batches = window.map(({ batch }) => batch);
    const offsets = await this.producer.append(topic, partition, batches);
    for (const [index, { offset }] of window.entries()) {
      const actual = offsets[index] ?? -1n;
      if (actual !== offset)
        throw changed(topic, partition, `its records came to offset ${actual}, and not to ${offset}`);
    }
  }

  /** Where the partition has to end. */
  get endOffset(): bigint {
    return this.o.baseOffset + BigInt(this.digest.records);
  }

  /** Whether all that was given to it is what the facts say. */
  holds(facts: PartitionFacts): boolean {
    return this.digest.holds(facts);
  }

  private compareWritten(): void {
    const { topic, partition, written } = this.o;
    if (this.digest.records < written.records) return;
    if (this.digest.records === written.records && this.digest.sha256 === written.sha256) return;
    throw changed(topic, partition, 'it does not begin as the backup does');
  }
}

export const changed = (topic: string, partition: number, why: string): AppError =>
  new AppError('kafka.destination-changed', `another producer has written to ${topic}/${partition}: ${why}`, {
    topic,
    partition,
  });
