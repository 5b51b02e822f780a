import { kafkaErrorType, toBusError } from '../bus-error.js';
import type { KafkaCluster } from '../kafka-cluster.js';
import { readLogStarts } from '../kafka-log.js';
import { fetchBytes } from './fetch-partition.js';
import { findAborted, type Range } from './log-slice.js';
import { assertFormat, cutBatches, readHead } from './record-batch.js';

/** A stretch of offsets [fromOffset, nextOffset) of one partition, with what of it was committed, as stored. */
export interface BatchStretch {
  readonly fromOffset: bigint;
  readonly nextOffset: bigint;
  /** Data only: no transaction markers, nothing that was aborted. A first one may begin before the stretch. */
  readonly batches: readonly Buffer[];
  readonly markers: number;
  /** Records of aborted transactions. */
  readonly aborted: number;
  /** Offsets that retention or a deletion took while they were read. */
  readonly trimmed: bigint;
}

export interface ReadBatchesOptions {
  readonly signal: AbortSignal;
  readonly fetchBytes?: number;
}

const FETCH_BYTES = 4 * 1024 * 1024;
const FETCH_WAIT_MS = 100;
/** A broker that says nothing so often, below the last stable offset, has nothing there. */
const SILENT_TRIES = 5;
const CONTROL_TYPE_AT = 61 + 5 + 2;
const ABORT = 0;

/**
 * Reads a range in order, undecoded, without a group and without ever jumping unnoticed. The range has to end at or below the last stable
 * offset. Throws: bus.unavailable, bus.topic-missing.
 */
export async function* readBatches(
  cluster: KafkaCluster,
  range: Range,
  o: ReadBatchesOptions,
): AsyncIterable<BatchStretch> {
  let silent = 0;
  for (let next = range.fromOffset; next < range.toOffset; ) {
    o.signal.throwIfAborted();
    const stretch = await readOne(cluster, range, next, o);
    silent = stretch === undefined ? silent + 1 : 0;
    if (silent >= SILENT_TRIES) return;
    if (stretch === undefined) continue;
    next = stretch.nextOffset;
    yield stretch;
  }
}

async function readOne(
  cluster: KafkaCluster,
  range: Range,
  from: bigint,
  o: ReadBatchesOptions,
): Promise<BatchStretch | undefined> {
  const { topic, partition, toOffset } = range;
  const maxBytes = o.fetchBytes ?? FETCH_BYTES;
  try {
    const fetched = await cluster.retry(() =>
      fetchBytes(cluster, { topic, partition, offset: from, maxBytes, maxWaitMs: FETCH_WAIT_MS }),
    );
    return toStretch(fetched, from, toOffset);
  } catch (error) {
    if (kafkaErrorType(error) !== 'OFFSET_OUT_OF_RANGE')
      throw toBusError(error, `read ${topic}/${partition} at ${from}`);
    const start = (await readLogStarts(cluster, topic)).get(partition) ?? toOffset;
    const nextOffset = start < toOffset ? start : toOffset;
    if (nextOffset <= from) throw toBusError(error, `read ${topic}/${partition} at ${from}`);
    return { ...nothing, fromOffset: from, nextOffset, trimmed: nextOffset - from };
  }
}

const nothing = { batches: [], markers: 0, aborted: 0, trimmed: 0n };

function toStretch(
  { records, abortedTransactions }: Awaited<ReturnType<typeof fetchBytes>>,
  from: bigint,
  toOffset: bigint,
): BatchStretch | undefined {
  const found = cutBatches(records).map(toDecided);
  const last = found.at(-1)?.lastOffset;
  if (last === undefined || last < from) return undefined;
  const aborted = findAborted(found, abortedTransactions);
  const within = found.filter(({ baseOffset }) => baseOffset < toOffset);
  const dropped = within.filter((batch) => aborted.has(batch));
  return {
    fromOffset: from,
    nextOffset: last + 1n < toOffset ? last + 1n : toOffset,
    batches: within.filter((batch) => !batch.isControl && !aborted.has(batch)).map(({ bytes }) => bytes),
    markers: within.filter(({ isControl }) => isControl).length,
    aborted: dropped.reduce((sum, { records: count }) => sum + count, 0),
    trimmed: 0n,
  };
}

function toDecided(bytes: Buffer) {
  const head = readHead(bytes);
  assertFormat(head);
  return { ...head, bytes, isAbort: head.isControl && isAbortMarker(bytes) };
}

/** The only record of a control batch: length, attributes, two deltas and the key's length take one byte each. */
const isAbortMarker = (bytes: Buffer): boolean => bytes.readInt16BE(CONTROL_TYPE_AT) === ABORT;
