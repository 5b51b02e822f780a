import { createHash } from 'node:crypto';
import type { PartitionPosition } from '../contracts/bus-position.js';
import type { KafkaCluster } from './kafka-cluster.js';
import type { LogRecord } from './log-slice.js';
import { readRange } from './read-range.js';

type Anchor = NonNullable<PartitionPosition['anchor']>;

/** How far before the end the last record is looked for: markers and aborted records may lie between. */
const LOOK_BACK = [1n, 16n, 256n];

interface Bounds {
  readonly topic: string;
  readonly partition: number;
  readonly logStartOffset: bigint;
  readonly endOffset: bigint;
}

/** The digest of the last record before `endOffset`; null where none is near. */
export async function findAnchor(cluster: KafkaCluster, bounds: Bounds, signal: AbortSignal): Promise<Anchor | null> {
  for (const step of LOOK_BACK) {
    const from = bounds.endOffset - step;
    const fromOffset = from > bounds.logStartOffset ? from : bounds.logStartOffset;
    const last = await lastRecord(cluster, { ...bounds, fromOffset, toOffset: bounds.endOffset }, signal);
    if (last !== undefined) return { offset: last.offset.toString(), sha256: digestOf(last) };
    if (fromOffset === bounds.logStartOffset) return null;
  }
  return null;
}

/** Whether the record at the anchor's offset is still the one that was seen; undefined when it is gone. */
export async function isAnchorUnchanged(
  cluster: KafkaCluster,
  at: { readonly topic: string; readonly partition: number; readonly anchor: Anchor },
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const fromOffset = BigInt(at.anchor.offset);
  const record = await lastRecord(cluster, { ...at, fromOffset, toOffset: fromOffset + 1n }, signal);
  return record === undefined ? undefined : digestOf(record) === at.anchor.sha256;
}

interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
}

/** An open transaction at the end is not waited for: what it covers is no anchor. */
async function lastRecord(cluster: KafkaCluster, span: Span, signal: AbortSignal): Promise<LogRecord | undefined> {
  let last: LogRecord | undefined;
  for await (const slice of readRange(cluster, span, { signal, untilUnstable: true }))
    last = slice.records.at(-1) ?? last;
  return last;
}

function digestOf({ key, value, timestamp }: LogRecord): string {
  const parts = [key, value].map((part) => (part === null ? null : Buffer.from(part).toString('base64')));
  return createHash('sha256')
    .update(JSON.stringify([timestamp.toString(), ...parts]))
    .digest('hex');
}
