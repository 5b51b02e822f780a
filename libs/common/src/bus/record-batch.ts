import Decoder from 'kafkajs/src/protocol/decoder.js';
import decodeRecordBatch, { type DecodedRecord } from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import { AppError } from '#common/errors/app-error.js';

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

const FRAME_BYTES = 12;
const HEADER_BYTES = 61;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const ABORT_KEY_TYPE = 0;

/**
 * Cuts a fetched record set into batches; a last batch that was cut short by the fetch limit is left out. kafkajs' own decoder
 * flattens batches into records and so loses the offsets of a batch whose records compaction or deletion removed.
 * Source: Kafka documentation, "Record Batch". Throws: bus.unavailable for message formats older than Kafka 0.11.
 */
export async function decodeBatches(bytes: Buffer): Promise<readonly RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + FRAME_BYTES + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    batches.push(await decodeBatch(bytes.subarray(at, end)));
    at = end;
  }
  return batches;
}

async function decodeBatch(bytes: Buffer): Promise<RecordBatch> {
  const magic = bytes.readInt8(16);
  if (magic !== 2)
    throw new AppError('bus.unavailable', `record batch has message format ${magic}, only 2 can be read`);
  const attributes = bytes.readInt16BE(21);
  const baseOffset = bytes.readBigInt64BE(0);
  const isControl = (attributes & CONTROL) !== 0;
  const { records } = await decodeRecordBatch(new Decoder(bytes));
  return {
    baseOffset,
    lastOffset: baseOffset + BigInt(bytes.readInt32BE(23)),
    producerId: bytes.readBigInt64BE(43).toString(),
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl,
    records: isControl ? [] : records,
    isAbort: isControl && records.some(({ key }) => key?.readInt16BE(2) === ABORT_KEY_TYPE),
  };
}
