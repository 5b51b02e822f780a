import { createHash } from 'node:crypto';
import type { PartitionPosition } from '#common/contracts/bus-position.js';
import type { KafkaCluster } from '../kafka-cluster.js';
import { findLastRecord } from './find-record.js';
import type { LogRecord } from './log-slice.js';

type Anchor = NonNullable<PartitionPosition['anchor']>;

interface Bounds {
  readonly topic: string;
  readonly partition: number;
  readonly logStartOffset: bigint;
  readonly endOffset: bigint;
}

/** The digest of the last record before `endOffset`; null where none is near. */
export async function findAnchor(
  cluster: KafkaCluster,
  { topic, partition, logStartOffset, endOffset }: Bounds,
  signal: AbortSignal,
): Promise<Anchor | null> {
  const range = { topic, partition, fromOffset: logStartOffset, toOffset: endOffset };
  const last = await findLastRecord(cluster, range, signal);
  return last === undefined ? null : { offset: last.offset.toString(), sha256: digestOf(last) };
}

/** Whether the record at the anchor's offset is still the one that was seen; undefined when it is gone. */
export async function isAnchorUnchanged(
  cluster: KafkaCluster,
  { topic, partition, anchor }: { readonly topic: string; readonly partition: number; readonly anchor: Anchor },
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const fromOffset = BigInt(anchor.offset);
  const record = await findLastRecord(cluster, { topic, partition, fromOffset, toOffset: fromOffset + 1n }, signal);
  return record === undefined ? undefined : digestOf(record) === anchor.sha256;
}

function digestOf({ key, value, timestamp }: LogRecord): string {
  const parts = [key, value].map((part) => (part === null ? null : Buffer.from(part).toString('base64')));
  return createHash('sha256')
    .update(JSON.stringify([timestamp.toString(), ...parts]))
    .digest('hex');
}
