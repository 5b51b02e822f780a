import { createErrorFromCode, failure } from 'kafkajs/src/protocol/error.js';
import fetchRequest from 'kafkajs/src/protocol/requests/fetch/v11/request.js';
import type { KafkaCluster } from '../kafka-cluster.js';
import { decodeFetchResponse, type PartitionResponse } from './fetch-response.js';
import { decodeBatches, type RecordBatch } from './record-batch.js';

export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: bigint;
}

interface FetchedHead {
  /** Offsets at or above it are not yet decided: a transaction that covers them is open. */
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly abortedTransactions: readonly AbortedTransaction[];
}

export interface FetchedPartition extends FetchedHead {
  readonly batches: readonly RecordBatch[];
}

export interface FetchedBytes extends FetchedHead {
  /** Record batches as stored, the last one perhaps cut short. */
  readonly records: Buffer;
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
  const { records, ...head } = await fetchBytes(cluster, at);
  return { ...head, batches: await decodeBatches(records) };
}

/** The same, undecoded. */
export async function fetchBytes(cluster: KafkaCluster, at: FetchAt): Promise<FetchedBytes> {
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
  const { lastStableOffset, logStartOffset, abortedTransactions, records } = answer.partition;
  return {
    lastStableOffset: BigInt(lastStableOffset),
    logStartOffset: BigInt(logStartOffset),
    abortedTransactions: abortedTransactions.map(({ producerId, firstOffset }) => ({
      producerId,
      firstOffset: BigInt(firstOffset),
    })),
    records,
  };
}

interface Answer {
  readonly errorCode: number;
  readonly partition: PartitionResponse;
}

/** Exactly one topic with one partition was asked for. */
async function decodeAnswer(bytes: Buffer): Promise<Answer> {
  const { errorCode, topics } = decodeFetchResponse(bytes);
  const partition = topics[0]?.partitions[0];
  if (partition === undefined) throw createErrorFromCode(errorCode);
  return { errorCode, partition };
}

async function refuseFailure(answer: Answer): Promise<Answer> {
  for (const code of [answer.errorCode, answer.partition.errorCode]) if (failure(code)) throw createErrorFromCode(code);
  return answer;
}
