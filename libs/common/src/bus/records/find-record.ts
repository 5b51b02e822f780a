import type { KafkaCluster } from '../kafka-cluster.js';
import type { LogRecord, Range } from './log-slice.js';
import { readRange } from './read-range.js';

/** How far before the end the last record is looked for: markers and aborted records may lie between. */
const LOOK_BACK = [1n, 16n, 256n, 4_096n];

/** The last committed record of the range; undefined where none is near its end. An open transaction is not waited for. */
export async function findLastRecord(
  cluster: KafkaCluster,
  range: Range,
  signal: AbortSignal,
): Promise<LogRecord | undefined> {
  if (range.toOffset <= range.fromOffset) return undefined;
  for (const step of LOOK_BACK) {
    const from = range.toOffset - step;
    const fromOffset = from > range.fromOffset ? from : range.fromOffset;
    const last = await lastOf(cluster, { ...range, fromOffset }, signal);
    if (last !== undefined || fromOffset === range.fromOffset) return last;
  }
  return undefined;
}

export async function findFirstRecord(
  cluster: KafkaCluster,
  range: Range,
  signal: AbortSignal,
): Promise<LogRecord | undefined> {
  const limits = { maxRecords: 1, maxBytes: 1 };
  for await (const slice of readRange(cluster, range, { signal, untilUnstable: true, limits }))
    if (slice.records[0] !== undefined) return slice.records[0];
  return undefined;
}

async function lastOf(cluster: KafkaCluster, range: Range, signal: AbortSignal): Promise<LogRecord | undefined> {
  let last: LogRecord | undefined;
  for await (const slice of readRange(cluster, range, { signal, untilUnstable: true }))
    last = slice.records.at(-1) ?? last;
  return last;
}
