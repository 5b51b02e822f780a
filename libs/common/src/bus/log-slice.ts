import type { IHeaders } from 'kafkajs';
import type { AbortedTransaction, FetchedPartition } from './fetch-partition.js';
import type { RecordBatch } from './record-batch.js';

export interface LogRecord {
  readonly offset: bigint;
  readonly timestamp: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

/** Offsets that hold nothing to read, and why. */
export interface Unreadable {
  /** Retention or a deletion overtook the reader: records may be lost. */
  readonly trimmed: bigint;
  /** Transaction markers. */
  readonly markers: bigint;
  /** Records of transactions that were aborted: they never were. */
  readonly aborted: bigint;
  /** Nothing is stored there: compaction, for the most part. */
  readonly holes: bigint;
}

/** A stretch of offsets [fromOffset, nextOffset), every one of them accounted for: records plus unreadable ones. */
export interface LogSlice {
  readonly fromOffset: bigint;
  readonly nextOffset: bigint;
  readonly records: readonly LogRecord[];
  readonly unreadable: Unreadable;
}

export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: bigint;
  /** Exclusive. */
  readonly toOffset: bigint;
}

const nothing: Unreadable = { trimmed: 0n, markers: 0n, aborted: 0n, holes: 0n };

/** The stretch that is gone from the log, up to where it starts now. */
export function toTrimmed(range: Range, from: bigint, trimmedTo: bigint): LogSlice {
  const next = trimmedTo < range.toOffset ? trimmedTo : range.toOffset;
  return { fromOffset: from, nextOffset: next, records: [], unreadable: { ...nothing, trimmed: next - from } };
}

/** What one fetch holds of the range from an offset on: empty when it holds nothing at or above it. */
export function toSlice(range: Range, from: bigint, { batches, abortedTransactions }: FetchedPartition): LogSlice {
  const last = batches.at(-1)?.lastOffset;
  if (last === undefined || last < from)
    return { fromOffset: from, nextOffset: from, records: [], unreadable: nothing };
  const to = last + 1n < range.toOffset ? last + 1n : range.toOffset;
  const within = (offset: bigint): boolean => offset >= from && offset < to;
  const aborted = findAborted(batches, abortedTransactions);
  const read = batches.filter((batch) => !aborted.has(batch)).flatMap(({ records }) => records.map(toRecord));
  const records = read.filter(({ offset }) => within(offset));
  const abortedCount = [...aborted].flatMap((batch) => batch.records).filter((r) => within(BigInt(r.offset))).length;
  const markers = batches.filter((batch) => batch.isControl && within(batch.lastOffset)).length;
  const held = BigInt(records.length + abortedCount + markers);
  return {
    fromOffset: from,
    nextOffset: to,
    records,
    unreadable: { trimmed: 0n, markers: BigInt(markers), aborted: BigInt(abortedCount), holes: to - from - held },
  };
}

/** A producer's batches are aborted from the first offset that the broker names until its abort marker. */
function findAborted(batches: readonly RecordBatch[], transactions: readonly AbortedTransaction[]): Set<RecordBatch> {
  const waiting = [...transactions].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const open = new Set<string>();
  const aborted = new Set<RecordBatch>();
  for (const batch of batches) {
    while (waiting[0] !== undefined && waiting[0].firstOffset <= batch.lastOffset)
      open.add(waiting.shift()?.producerId ?? '');
    if (batch.isControl && batch.isAbort) open.delete(batch.producerId);
    else if (batch.isTransactional && open.has(batch.producerId)) aborted.add(batch);
  }
  return aborted;
}

const toRecord = (record: RecordBatch['records'][number]): LogRecord => ({
  offset: BigInt(record.offset),
  timestamp: BigInt(record.timestamp),
  key: record.key,
  value: record.value,
  headers: record.headers as IHeaders,
});
