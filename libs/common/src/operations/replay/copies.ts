import type { IHeaders } from '#common/bus/kafka-headers.js';
import { headerText } from '#common/bus/kafka-headers.js';
import type { LogRecord, LogSlice } from '#common/bus/records/log-slice.js';
import type { Coordinate, CoordinateSet } from '#common/domain/coordinate-set.js';
import { emptyTally, type ReplayTally } from '#common/domain/replay-tally.js';
import type { JournalEntry } from './journal.js';

export const REPLAY_ID = 'holdfast-replay-id';
const TOPIC = 'holdfast-original-topic';
const PARTITION = 'holdfast-original-partition';
const OFFSET = 'holdfast-original-offset';
const TIMESTAMP = 'holdfast-original-timestamp';

/** Where a copy's original lay; undefined for a record that is no copy. */
export function findOriginal({ headers }: Pick<LogRecord, 'headers'>): Coordinate | undefined {
  const [id, topic, partition, offset] = [REPLAY_ID, TOPIC, PARTITION, OFFSET].map((name) => headerText(headers, name));
  if (id === undefined || topic === undefined || !/^\d+$/.test(partition ?? '') || !/^\d+$/.test(offset ?? ''))
    return undefined;
  return { topic, partition: Number(partition), offset: BigInt(offset ?? 0) };
}

export interface Wanted {
  readonly record: LogRecord;
  readonly original: Coordinate;
}

/**
 * Picks what of a slice is replayed, each original once: a copy counts as its original, so it is left out when its original was there
 * before, or lies outside the ranges. The first of its kind stands in for an original that retention took.
 */
export function pickOriginals(
  slice: LogSlice,
  at: Pick<JournalEntry, 'topic' | 'partition'>,
  { seen, ranges }: { readonly seen: CoordinateSet; readonly ranges: readonly JournalEntry[] },
): { readonly wanted: readonly Wanted[]; readonly tally: ReplayTally } {
  const wanted: Wanted[] = [];
  let [copies, foreign] = [0, 0];
  for (const record of slice.records) {
    const original = findOriginal(record) ?? { ...at, offset: record.offset };
    if (isOutside(original, ranges)) foreign += 1;
    else if (seen.add(original)) wanted.push({ record, original });
    else copies += 1;
  }
  return { wanted, tally: { ...unreadableOf(slice), replayed: wanted.length, copies, foreign } };
}

/** A copy of a topic that is not replayed is, for this replay, a record like any other. */
function isOutside({ topic, partition, offset }: Coordinate, ranges: readonly JournalEntry[]): boolean {
  const ofTopic = ranges.filter((range) => range.topic === topic);
  const isInside = ofTopic.some((r) => r.partition === partition && offset >= r.fromOffset && offset < r.toOffset);
  return ofTopic.length > 0 && !isInside;
}

function unreadableOf({ fromOffset, nextOffset, unreadable }: LogSlice): ReplayTally {
  const { trimmed, markers, aborted, holes } = unreadable;
  const lost = { fromOffset: String(fromOffset), toOffset: String(nextOffset), count: String(trimmed) };
  return {
    ...emptyTally,
    markers: Number(markers),
    aborted: Number(aborted),
    missing: Number(holes),
    lost: trimmed > 0n ? lost : null,
  };
}

/** Keeps the record's headers and says whose copy it is. A header without a value becomes an empty one: kafkajs cannot write null. */
export function copyHeaders({ record, original }: Wanted, replayId: string): IHeaders {
  const kept = Object.entries(record.headers).map(([name, value]) => [name, withoutNull(value)]);
  return {
    ...Object.fromEntries(kept),
    [REPLAY_ID]: replayId,
    [TOPIC]: original.topic,
    [PARTITION]: String(original.partition),
    [OFFSET]: String(original.offset),
  };
}

const withoutNull = (value: IHeaders[string]): IHeaders[string] =>
  Array.isArray(value) ? value.map((each) => each ?? Buffer.alloc(0)) : (value ?? Buffer.alloc(0));

/** A copy that the destination would drop for its age gets the present time, and its own in a header. */
export function copyTimestamp(
  { timestamp, headers }: Pick<LogRecord, 'timestamp' | 'headers'>,
  oldestKept: bigint | null,
  now: Date,
): { readonly timestamp: bigint; readonly headers: IHeaders } {
  if (oldestKept === null || timestamp >= oldestKept) return { timestamp, headers: {} };
  const original = headerText(headers, TIMESTAMP) ?? String(timestamp);
  return { timestamp: BigInt(now.getTime()), headers: { [TIMESTAMP]: original } };
}
