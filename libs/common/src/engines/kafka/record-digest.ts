import { createHash } from 'node:crypto';
import { unpackWhole } from '#common/bus/records/portable-batch.js';
import { readHead } from '#common/bus/records/record-batch.js';
import { RecordCursor } from '#common/bus/records/record-cursor.js';
import type { PartitionFacts } from './topics-facts.js';

/** Timestamp and size, before each record. */
const FRAME_BYTES = 12;
const NOTHING = createHash('sha256').digest('hex');

/**
 * Counts and digests the records of one partition in order, whatever their offsets, their batches and their compression are: what is restored
 * has the same digest.
 */
export class RecordDigest {
  records = 0;
  firstTimestamp: number | null = null;
  lastTimestamp: number | null = null;
  private readonly hash = createHash('sha256');
  private readonly marks: { readonly offset: bigint; before: number | undefined }[];

  /** Digests of stretches, one after the other, as `links` cut them; of the last as far as it goes. */
  private readonly stretches: string[] = [];
  private stretch = createHash('sha256');
  private readonly ends: number[];
  private readonly isLinked: boolean;

  /** `from`: records below it do not count. `links`: of how many records each stretch is that gets a digest of its own. `marks`: offsets of which is asked how many records are below them. */
  constructor(
    private readonly from: bigint,
    marks: Iterable<bigint> = [],
    links: readonly { readonly records: number }[] = [],
  ) {
    let end = 0;
    this.ends = links.map(({ records }) => {
      end += records;
      return end;
    });
    this.isLinked = links.length > 0;
    const sorted = [...new Set(marks)].sort((a, b) => (a < b ? -1 : 1));
    this.marks = sorted.map((offset) => ({ offset, before: undefined }));
  }

  /** Returns how many records of the batch count. Stops before record number `limit`. Throws: bus.damaged. */
  add(batch: Buffer, limit = Number.POSITIVE_INFINITY): number {
    const { baseOffset, firstTimestamp, maxTimestamp, isLogAppendTime } = readHead(batch);
    const plain = unpackWhole(batch);
    const cursor = new RecordCursor(plain);
    const before = this.records;
    const skipTo = Number(this.from - baseOffset);
    const first = Number(firstTimestamp);
    const fixed = isLogAppendTime ? Number(maxTimestamp) : undefined;
    // One call of the hash for a batch: per record it would cost more than the hashing.
    const frames = Buffer.allocUnsafe(plain.length + readHead(batch).records * FRAME_BYTES);
    let [at, from] = [0, 0];
    while (this.records < limit && cursor.next()) {
      if (cursor.offsetDelta < skipTo) continue;
      this.settle(baseOffset, cursor.offsetDelta);
      for (; this.ends[0] === this.records; from = at) this.endStretch(frames.subarray(from, at));
      const timestamp = fixed ?? first + cursor.timestampDelta;
      at = frames.writeDoubleBE(timestamp, at);
      at = frames.writeUInt32BE(cursor.bodyEnd - cursor.bodyStart, at);
      at += plain.copy(frames, at, cursor.bodyStart, cursor.bodyEnd);
      this.see(timestamp);
      this.records += 1;
    }
    this.hash.update(frames.subarray(0, at));
    if (this.isLinked) this.stretch.update(frames.subarray(from, at));
    return this.records - before;
  }

  /** Of all that was added so far. */
  get sha256(): string {
    return this.hash.copy().digest('hex');
  }

  /** Whether all that was added is what the facts say. The links of the facts are those with which the digest was made. */
  holds({ records, sha256, links }: Pick<PartitionFacts, 'records' | 'sha256' | 'links'>): boolean {
    if (this.records !== records) return false;
    if (links === undefined) return this.sha256 === sha256;
    const digests = [...this.stretches, this.stretch.copy().digest('hex')];
    return links.every((link, index) => (digests[index] ?? NOTHING) === link.sha256);
  }

  /** How many records that were added are below the offset: one of the marks. */
  before(offset: bigint): number {
    return this.marks.find((mark) => mark.offset === offset)?.before ?? this.records;
  }

  private endStretch(rest: Buffer): void {
    this.ends.shift();
    this.stretches.push(this.stretch.update(rest).digest('hex'));
    this.stretch = createHash('sha256');
  }

  private see(timestamp: number): void {
    if (this.firstTimestamp === null || timestamp < this.firstTimestamp) this.firstTimestamp = timestamp;
    if (this.lastTimestamp === null || timestamp > this.lastTimestamp) this.lastTimestamp = timestamp;
  }

  private nextMark = 0;

  private settle(baseOffset: bigint, offsetDelta: number): void {
    for (let mark = this.marks[this.nextMark]; mark !== undefined; mark = this.marks[this.nextMark]) {
      if (Number(mark.offset - baseOffset) > offsetDelta) return;
      mark.before = this.records;
      this.nextMark += 1;
    }
  }
}
