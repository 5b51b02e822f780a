import Decoder from 'kafkajs/src/protocol/decoder.js';
import decodeRecordBatch, { type DecodedRecord } from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import { AppError } from '#common/errors/app-error.js';
import { unpack } from './compression.js';

/** One record batch as stored: what its offsets hold is known exactly, also where nothing is left to read. */
export interface RecordBatch {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly producerId: string;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  /** Without a control batch's markers. */
  readonly records: readonly DecodedRecord[];
  /** Of a control batch that ends a transaction: whether it was aborted. */
  readonly isAbort: boolean;
}

/** Base offset and length: what stands before the part that the length counts. */
export const FRAME_BYTES = 12;
export const HEADER_BYTES = 61;
export const COMPRESSION = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const ABORT_KEY_TYPE = 0;

/**
 * Cuts a fetched record set into batches; a last batch that was cut short by the fetch limit is left out.
 * Source: Kafka documentation, "Record Batch".
 */
export function cutBatches(bytes: Buffer): readonly Buffer[] {
  const batches: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + FRAME_BYTES + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    batches.push(bytes.subarray(at, end));
    at = end;
  }
  return batches;
}

/** Of one batch; of a message in a format older than Kafka 0.11 only its offset is true. */
export function readHead(batch: Buffer) {
  const magic = batch.readInt8(16);
  const attributes = batch.readInt16BE(21);
  const baseOffset = batch.readBigInt64BE(0);
  return {
    magic,
    attributes,
    baseOffset,
    lastOffset: magic === 2 ? baseOffset + BigInt(batch.readInt32BE(23)) : baseOffset,
    firstTimestamp: batch.readBigInt64BE(27),
    /** Every record's own, whatever stands in it, where the broker set the time. */
    isLogAppendTime: (attributes & LOG_APPEND_TIME) !== 0,
    maxTimestamp: batch.readBigInt64BE(35).toString(),
    producerId: batch.readBigInt64BE(43).toString(),
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
    records: batch.readInt32BE(57),
  };
}

/** Throws: bus.unavailable for message formats older than Kafka 0.11. */
export function assertFormat({ magic }: { readonly magic: number }): void {
  if (magic === 2) return;
  throw new AppError('bus.unavailable', `record batch has message format ${magic}, only 2 can be read`);
}

/** The same batch without compression; undefined when that has more bytes than allowed. Throws: request.invalid. */
export function unpackBatch(batch: Buffer, maxBytes: number): Buffer | undefined {
  const codec = batch.readInt16BE(21) & COMPRESSION;
  if (codec === 0) return batch;
  const records = unpack(codec, batch.subarray(HEADER_BYTES), maxBytes);
  if (records === undefined) return undefined;
  const whole = Buffer.concat([batch.subarray(0, HEADER_BYTES), records]);
  whole.writeInt16BE(whole.readInt16BE(21) & ~COMPRESSION, 21);
  whole.writeInt32BE(whole.length - FRAME_BYTES, 8);
  return whole;
}

/**
 * The batches of a fetched record set. kafkajs' own decoder flattens batches into records and so loses the offsets of a batch whose records
 * compaction or deletion removed. Throws: bus.unavailable for message formats older than Kafka 0.11.
 */
export const decodeBatches = async (bytes: Buffer): Promise<readonly RecordBatch[]> => {
  const batches: RecordBatch[] = [];
  for (const batch of cutBatches(bytes)) batches.push(await decodeBatch(batch));
  return batches;
};

async function decodeBatch(bytes: Buffer): Promise<RecordBatch> {
  const head = readHead(bytes);
  assertFormat(head);
  const { baseOffset, lastOffset, producerId, isTransactional, isControl } = head;
  const { records } = await decodeRecordBatch(new Decoder(bytes));
  return {
    ...{ baseOffset, lastOffset, producerId, isTransactional, isControl },
    records: isControl ? [] : records,
    isAbort: isControl && records.some(({ key }) => key?.readInt16BE(2) === ABORT_KEY_TYPE),
  };
}
