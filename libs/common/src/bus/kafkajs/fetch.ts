import Decoder from 'kafkajs/src/protocol/decoder.js';
import decodeRecordBatch, { type DecodedRecord } from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { toTooLarge } from '../records/compression.js';
import { decodeFetchResponse, type PartitionResponse } from '../records/fetch-response.js';
import { assertFormat, cutBatches, readHead, unpackBatch } from '../records/record-batch.js';

/** What one batch of requests may unpack to. Producers do not send more than a megabyte by default. */
const BATCH_BYTES = 16 * 1024 * 1024;
/** A record takes some hundred bytes of memory, however small it is. */
const BATCH_RECORDS = 100_000;
/** What the batches of one fetch may unpack to together; what is beyond comes with the next. */
const FETCH_BYTES = 2 * BATCH_BYTES;
const FETCH_RECORDS = 2 * BATCH_RECORDS;

/** The messages that stand for batches which cannot be unpacked, each with the reason. No message from the wire is among the keys. */
const unreadable = new WeakMap<object, AppError>();

/** Why the message stands for a batch that cannot be read; undefined for any other. */
export const findUnreadable = (message: object): AppError | undefined => unreadable.get(message);

let isBounded = false;

/**
 * kafkajs unpacks whatever a fetch brings before it looks at it: a batch that is damaged, or unpacks to gigabytes, crashes its consumer, and again
 * after every start. From now on a consumer gets one message in the place of such a batch, at its last offset, with its bytes as they
 * are stored; and no fetch unpacks to more than a bound, however many batches it brings. Idempotent; process-wide, as the decoders of kafkajs are.
 */
export function boundFetches(): void {
  if (isBounded) return;
  isBounded = true;
  response.decode = decodeFetch;
}

interface Budget {
  bytes: number;
  records: number;
}

/** In the shape that kafkajs gives itself. */
async function decodeFetch(bytes: Buffer): Promise<unknown> {
  const { throttleTime: clientSideThrottleTime, topics, ...head } = decodeFetchResponse(bytes);
  const budget = { bytes: FETCH_BYTES, records: FETCH_RECORDS };
  const responses = [];
  for (const { topic: topicName, partitions } of topics) {
    const decoded = [];
    for (const partition of partitions) decoded.push(await decodePartition(partition, budget));
    responses.push({ topicName, partitions: decoded });
  }
  return { ...head, throttleTime: 0, clientSideThrottleTime, responses };
}

async function decodePartition({ records, logStartOffset, ...head }: PartitionResponse, budget: Budget) {
  const messages: object[] = [];
  for (const batch of cutBatches(records)) {
    const decoded = await decodeBatch(batch, budget);
    if (decoded === 'later') break;
    for (const message of decoded) messages.push(message);
  }
  return { ...head, lastStartOffset: logStartOffset, messages };
}

async function decodeBatch(batch: Buffer, budget: Budget): Promise<readonly object[] | 'later'> {
  try {
    const head = readHead(batch);
    assertFormat(head);
    const { records } = head;
    if (records > BATCH_RECORDS) throw toTooMany(records);
    const plain = unpackBatch(batch, Math.min(BATCH_BYTES, budget.bytes));
    if (plain === undefined && budget.bytes >= BATCH_BYTES) throw toTooLarge(BATCH_BYTES);
    if (plain === undefined || records > budget.records) return 'later';
    budget.bytes -= plain.length;
    budget.records -= records;
    return (await decodeRecordBatch(new Decoder(plain))).records;
  } catch (error) {
    return [toUnreadable(batch, error)];
  }
}

const toTooMany = (records: number): AppError =>
  new AppError('request.invalid', `batch has ${records} records, more than ${BATCH_RECORDS}`);

function toUnreadable(batch: Buffer, cause: unknown): object {
  const { baseOffset, lastOffset, maxTimestamp, producerId, isTransactional: inTransaction } = readHead(batch);
  const message: Omit<DecodedRecord, 'headers'> & Record<string, unknown> = {
    magicByte: 2,
    attributes: 0,
    offset: lastOffset.toString(),
    timestamp: maxTimestamp,
    key: null,
    value: batch,
    headers: {},
    isControlRecord: false,
    batchContext: { producerId, inTransaction },
  };
  const { message: why } = toAppError(cause);
  const reason = `the batch of offsets ${baseOffset} to ${lastOffset} cannot be read: ${why}`;
  unreadable.set(message, new AppError('request.invalid', reason, { issues: [why] }, { cause }));
  return message;
}
