import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#common/errors/app-error.js';
import { kafkaErrorType, toBusError } from '../bus-error.js';
import type { KafkaCluster } from '../kafka-cluster.js';
import { type FetchedPartition, fetchPartition } from './fetch-partition.js';
import { type LogSlice, type Range, type SliceLimits, toSlices, toTrimmed } from './log-slice.js';

export interface ReadOptions {
  readonly signal: AbortSignal;
  readonly limits?: SliceLimits;
  /** How long the end of an open transaction is waited for. */
  readonly stableWithinMs?: number;
  /** End the range where an open transaction begins, instead of waiting for it. */
  readonly untilUnstable?: boolean;
}

const FETCH_WAIT_MS = 250;
const FETCH_BYTES = 1_048_576;

/**
 * Reads a range of one partition in order, committed records only, without a group and without ever jumping unnoticed: the slices
 * are contiguous and their offsets add up to the range.
 * Throws: bus.unavailable, also when a transaction in the range stays open for longer than `stableWithinMs`;
 * replay.topic-changed when the log ends before the range does.
 */
export async function* readRange(cluster: KafkaCluster, range: Range, options: ReadOptions): AsyncIterable<LogSlice> {
  await cluster.partitionsOf(range.topic);
  let waitedMs = 0;
  for (let next = range.fromOffset; next < range.toOffset; ) {
    options.signal.throwIfAborted();
    const slices = await readSlices(cluster, range, next, options);
    for (const slice of slices) {
      waitedMs = 0;
      next = slice.nextOffset;
      yield slice;
    }
    if (slices.length > 0) continue;
    if (options.untilUnstable === true) return;
    if (waitedMs >= (options.stableWithinMs ?? 60_000)) throw undecided(range, next);
    await sleep(100, undefined, { signal: options.signal });
    waitedMs += 100 + FETCH_WAIT_MS;
  }
}

async function readSlices(
  cluster: KafkaCluster,
  range: Range,
  from: bigint,
  { limits = { maxRecords: 5_000, maxBytes: FETCH_BYTES } }: ReadOptions,
): Promise<readonly LogSlice[]> {
  const { topic, partition } = range;
  try {
    return toSlices(range, from, await fetchFrom(cluster, range, from), limits);
  } catch (error) {
    if (kafkaErrorType(error) !== 'OFFSET_OUT_OF_RANGE')
      throw toBusError(error, `read ${topic}/${partition} at ${from}`);
    return [toTrimmed(range, from, await logStartAbove(cluster, range, from))];
  }
}

function fetchFrom(cluster: KafkaCluster, { topic, partition }: Range, offset: bigint): Promise<FetchedPartition> {
  const at = { topic, partition, offset, maxBytes: FETCH_BYTES, maxWaitMs: FETCH_WAIT_MS };
  return cluster.retry(() => fetchPartition(cluster, at));
}

async function logStartAbove(cluster: KafkaCluster, { topic, partition }: Range, offset: bigint): Promise<bigint> {
  const [answer] = await cluster.exchange(`read where ${topic}/${partition} starts`, () =>
    cluster.cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], fromBeginning: true }]),
  );
  const start = BigInt(answer?.partitions[0]?.offset ?? -1);
  if (start > offset) return start;
  const context = { topic, partition, offset: String(offset) };
  throw new AppError('replay.topic-changed', `${topic}/${partition} ends before offset ${offset}`, context);
}

const undecided = ({ topic, partition }: Range, offset: bigint): AppError =>
  new AppError('bus.unavailable', `${topic}/${partition} has an undecided transaction at offset ${offset}`, {
    topic,
    partition,
  });
