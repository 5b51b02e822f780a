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

export interface SliceLimits {
  readonly maxRecords: number;
  /** Of keys and values; one record may exceed it. */
  readonly maxBytes: number;
}

/** What one fetch holds of the range from an offset on, cut into slices within the limits; none when it holds nothing there. */
export function toSlices(
  range: Range,
  from: bigint,
  { batches, abortedTransactions }: Pick<FetchedPartition, 'batches' | 'abortedTransactions'>,
  limits: SliceLimits,
): readonly LogSlice[] {
  const last = batches.at(-1)?.lastOffset;
  if (last === undefined || last < from) return [];
  const to = last + 1n < range.toOffset ? last + 1n : range.toOffset;
  const isWithin = (offset: bigint): boolean => offset >= from && offset < to;
  const aborted = findAborted(batches, abortedTransactions);
  const readable = batches.filter((batch) => !aborted.has(batch)).flatMap(({ records }) => records.map(toRecord));
  const records = readable.filter(({ offset }) => isWithin(offset));
  const markers = batches.filter(({ isControl }) => isControl).map(({ lastOffset }) => lastOffset);
  const dropped = [...aborted].flatMap((batch) => batch.records.map(({ offset }) => BigInt(offset)));
  let start = from;
  return cut(records, limits).map((part, index, parts) => {
    const end = parts[index + 1]?.[0]?.offset ?? to;
    const slice = sliceOf({ start, end, records: part }, markers, dropped);
    start = end;
    return slice;
  });
}

/** Groups of records in order; one empty group when there are none. */
function cut(records: readonly LogRecord[], { maxRecords, maxBytes }: SliceLimits): readonly (readonly LogRecord[])[] {
  const parts: LogRecord[][] = [[]];
  let bytes = 0;
  for (const record of records) {
    const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
    const part = parts.at(-1) ?? [];
    if (part.length > 0 && (part.length >= maxRecords || bytes + size > maxBytes)) {
      parts.push([record]);
      bytes = size;
    } else {
      part.push(record);
      bytes += size;
    }
  }
  return parts;
}

interface Stretch {
  readonly start: bigint;
  readonly end: bigint;
  readonly records: readonly LogRecord[];
}

function sliceOf({ start, end, records }: Stretch, markers: readonly bigint[], dropped: readonly bigint[]): LogSlice {
  const count = (offsets: readonly bigint[]): bigint =>
    BigInt(offsets.filter((offset) => offset >= start && offset < end).length);
  const unreadable = { trimmed: 0n, markers: count(markers), aborted: count(dropped) };
  const held = BigInt(records.length) + unreadable.markers + unreadable.aborted;
  return { fromOffset: start, nextOffset: end, records, unreadable: { ...unreadable, holes: end - start - held } };
}

type Decided = Pick<RecordBatch, 'lastOffset' | 'isControl' | 'isAbort' | 'isTransactional' | 'producerId'>;

/** A producer's batches are aborted from the first offset that the broker names until its abort marker. */
export function findAborted<B extends Decided>(
  batches: readonly B[],
  transactions: readonly AbortedTransaction[],
): Set<B> {
  const waiting = [...transactions].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const open = new Set<string>();
  const aborted = new Set<B>();
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
