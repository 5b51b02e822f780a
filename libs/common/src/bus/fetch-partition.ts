import Decoder from 'kafkajs/src/protocol/decoder.js';
import { createErrorFromCode, failure } from 'kafkajs/src/protocol/error.js';
import fetchRequest from 'kafkajs/src/protocol/requests/fetch/v11/request.js';
import type { KafkaCluster } from './kafka-cluster.js';
import { decodeBatches, type RecordBatch } from './record-batch.js';

export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: bigint;
}

export interface FetchedPartition {
  /** Offsets at or above it are not yet decided: a transaction that covers them is open. */
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly batches: readonly RecordBatch[];
}

export interface FetchAt {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
}

/** One fetch at one exact offset, read committed. Throws what the broker says, `OFFSET_OUT_OF_RANGE` included, as kafkajs errors. */
export async function fetchPartition(cluster: KafkaCluster, at: FetchAt): Promise<FetchedPartition> {
  const { topic, partition, offset, maxBytes, maxWaitMs } = at;
  const request = fetchRequest({
    replicaId: -1,
    maxWaitTime: maxWaitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: 1,
    topics: [{ topic, partitions: [{ partition, fetchOffset: offset.toString(), maxBytes }] }],
  });
  const answer = await cluster.askLeader(topic, partition, {
    request,
    response: { decode: decodeAnswer, parse: refuseFailure },
    requestTimeout: maxWaitMs + 30_000,
  });
  const { records, ...bounds } = answer.partition;
  return { ...bounds, batches: await decodeBatches(records) };
}

interface Answer {
  readonly errorCode: number;
  readonly partition: Omit<FetchedPartition, 'batches'> & { readonly errorCode: number; readonly records: Buffer };
}

/** Fetch response, version 11: exactly one topic with one partition was asked for. */
async function decodeAnswer(bytes: Buffer): Promise<Answer> {
  const decoder = new Decoder(bytes);
  decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt32();
  const [topic] = decoder.readArray((each) => {
    each.readString();
    return each.readArray(decodePartition);
  });
  const partition = topic?.[0];
  if (partition === undefined) throw createErrorFromCode(errorCode);
  return { errorCode, partition };
}

function decodePartition(decoder: Decoder): Answer['partition'] {
  decoder.readInt32();
  const errorCode = decoder.readInt16();
  readOffset(decoder);
  const lastStableOffset = readOffset(decoder);
  const logStartOffset = readOffset(decoder);
  const abortedTransactions = decoder.readArray((each) => ({
    producerId: each.readInt64().toString(),
    firstOffset: readOffset(each),
  }));
  decoder.readInt32();
  const size = decoder.readInt32();
  const records = size > 0 ? decoder.readBytes(size) : Buffer.alloc(0);
  return { errorCode, lastStableOffset, logStartOffset, abortedTransactions, records };
}

const readOffset = (decoder: Decoder): bigint => BigInt(decoder.readInt64().toString());

async function refuseFailure(answer: Answer): Promise<Answer> {
  for (const code of [answer.errorCode, answer.partition.errorCode]) if (failure(code)) throw createErrorFromCode(code);
  return answer;
}
