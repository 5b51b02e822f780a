import type { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { assertChecksum } from '#common/bus/records/portable-batch.js';
import { readBatches } from '#common/bus/records/read-batches.js';
import { readHead } from '#common/bus/records/record-batch.js';
import { RecordDigest } from '#common/engines/kafka/record-digest.js';
import type { PartitionFacts, Piece } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';
import type { FrozenPartition } from './freeze-topics.js';

/** One partition while it is read, and what is known of it when that is done. */
export class PartitionReading {
  private readonly digest: RecordDigest;
  private readonly pieces: (Piece & { sizeBytes: number; nextOffset: string; records: number })[] = [];
  private markers = 0;
  private aborted = 0;
  private trimmed = 0n;
  private sizeBytes = 0;
  private largestBatchBytes = 0;

  /** `committed`: the offsets of groups in it. */
  constructor(
    private readonly topic: string,
    private readonly frozen: FrozenPartition,
    committed: readonly bigint[],
  ) {
    this.digest = new RecordDigest(frozen.startOffset, committed);
  }

  /** Its committed batches as stored, each checked. Throws: bus.unavailable, bus.damaged. */
  async *batches(cluster: KafkaCluster, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { partition, startOffset: fromOffset, endOffset: toOffset } = this.frozen;
    for await (const stretch of readBatches(
      cluster,
      { topic: this.topic, partition, fromOffset, toOffset },
      { signal },
    )) {
      this.markers += stretch.markers;
      this.aborted += stretch.aborted;
      this.trimmed += stretch.trimmed;
      yield* stretch.batches;
    }
  }

  /** Takes a batch into account that goes to this place of an object; false: it holds no record, and goes nowhere. */
  place(batch: Buffer, object: string, startByte: number): boolean {
    assertChecksum(batch);
    const records = this.digest.add(batch);
    if (records === 0) return false;
    const { baseOffset, lastOffset } = readHead(batch);
    const { isContinued, startOffset, partition } = this.frozen;
    if (isContinued && baseOffset < startOffset)
      throw new AppError(
        'kafka.no-parent',
        `a batch of ${this.topic}/${partition} begins at ${baseOffset}, before the end of the backup before, ${startOffset}`,
      );
    const nextOffset = String(lastOffset + 1n);
    this.sizeBytes += batch.length;
    this.largestBatchBytes = Math.max(this.largestBatchBytes, batch.length);
    const last = this.pieces.at(-1);
    if (last === undefined || last.object !== object) {
      this.pieces.push({
        ...{ object, startByte, sizeBytes: batch.length, fromOffset: String(baseOffset), nextOffset, records },
      });
      return true;
    }
    last.sizeBytes += batch.length;
    last.records += records;
    last.nextOffset = nextOffset;
    return true;
  }

  recordsBefore(offset: bigint): number {
    return this.digest.before(offset);
  }

  facts(): PartitionFacts {
    const { partition, startOffset, endOffset, undecided } = this.frozen;
    const { records, sha256, firstTimestamp, lastTimestamp } = this.digest;
    const { markers, aborted, sizeBytes, largestBatchBytes, pieces } = this;
    const known = BigInt(records + markers + aborted) + this.trimmed;
    return {
      ...{ partition, startOffset: String(startOffset), endOffset: String(endOffset), records, markers, aborted },
      ...{ trimmed: Number(this.trimmed), undecided: Number(undecided) },
      holes: Math.max(0, Number(endOffset - startOffset - known)),
      ...{ sizeBytes, largestBatchBytes, sha256, firstTimestamp, lastTimestamp, pieces },
    };
  }
}
