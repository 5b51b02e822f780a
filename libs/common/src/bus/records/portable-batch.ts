import crc32C from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import { AppError } from '#common/errors/app-error.js';
import { MAX_UNPACKED_BYTES, packBatchRecords, toTooLarge } from './compression.js';
import { COMPRESSION, FRAME_BYTES, HEADER_BYTES, readHead, unpackBatch } from './record-batch.js';
import { RecordCursor } from './record-cursor.js';

/** From where the checksum counts. */
const CHECKED_FROM = 21;
/** What a producer may set: everything else is the broker's, or tells of a producer that is gone. */
const PRODUCER_BITS = COMPRESSION;
const BROKER_BITS = 0xffff & ~(COMPRESSION | 0x10);

/** Throws: bus.damaged where the bytes are not those that the broker was given. */
export function assertChecksum(batch: Buffer): void {
  if (crc32C(batch.subarray(CHECKED_FROM)) === batch.readUInt32BE(17)) return;
  throw new AppError('bus.damaged', `the record batch at offset ${batch.readBigInt64BE(0)} has a wrong checksum`);
}

/** The same records without compression. Throws: bus.damaged. */
export function unpackWhole(batch: Buffer): Buffer {
  try {
    const plain = unpackBatch(batch, MAX_UNPACKED_BYTES);
    if (plain !== undefined) return plain;
    throw toTooLarge(MAX_UNPACKED_BYTES);
  } catch (cause) {
    const at = batch.readBigInt64BE(0);
    throw new AppError('bus.damaged', `the record batch at offset ${at} cannot be unpacked`, {}, { cause });
  }
}

/**
 * A stored batch as one that a producer may send, without the records below `from`; undefined when nothing is left. The compressed bytes stay
 * as they are where the batch is whole; one with holes, or whose time the broker set, is packed anew by the same codec: a broker takes neither.
 */
export function toPortable(batch: Buffer, from: bigint): Buffer | undefined {
  const { attributes, baseOffset, lastOffset, records } = readHead(batch);
  const isWhole = baseOffset >= from && lastOffset - baseOffset + 1n === BigInt(records);
  const portable = isWhole && (attributes & BROKER_BITS) === 0 ? Buffer.from(batch) : rebuild(batch, from);
  portable?.writeInt16BE(attributes & PRODUCER_BITS, 21);
  return portable;
}

export interface ProducerStamp {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

/** Writes the producer into a batch and counts its checksum anew; in place. */
export function stampBatch(batch: Buffer, { producerId, epoch, sequence }: ProducerStamp): void {
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(-1, 12);
  batch.writeBigInt64BE(producerId, 43);
  batch.writeInt16BE(epoch, 51);
  batch.writeInt32BE(sequence, 53);
  batch.writeUInt32BE(crc32C(batch.subarray(CHECKED_FROM)), 17);
}

function rebuild(batch: Buffer, from: bigint): Buffer | undefined {
  const { attributes, baseOffset, firstTimestamp, maxTimestamp, isLogAppendTime } = readHead(batch);
  const plain = unpackWhole(batch);
  const cursor = new RecordCursor(plain);
  const parts: Buffer[] = [];
  let count = 0;
  while (cursor.next()) {
    if (baseOffset + BigInt(cursor.offsetDelta) < from) continue;
    // Of a batch whose time the broker set, every record has the batch's own: a delta of zero.
    const head = isLogAppendTime ? Buffer.from([0, 0]) : plain.subarray(cursor.headStart, cursor.headEnd);
    const offset = toVarint(count);
    const body = plain.subarray(cursor.bodyStart, cursor.bodyEnd);
    parts.push(toVarint(head.length + offset.length + body.length), head, offset, body);
    count += 1;
  }
  if (count === 0) return undefined;
  const packed = packBatchRecords(attributes & COMPRESSION, Buffer.concat(parts));
  const header = Buffer.from(plain.subarray(0, HEADER_BYTES));
  header.writeInt32BE(HEADER_BYTES + packed.length - FRAME_BYTES, 8);
  header.writeInt32BE(count - 1, 23);
  header.writeBigInt64BE(isLogAppendTime ? BigInt(maxTimestamp) : firstTimestamp, 27);
  header.writeInt32BE(count, 57);
  return Buffer.concat([header, packed]);
}

/** Zigzag, of what is never negative. */
function toVarint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value * 2;
  for (; left >= 0x80; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  bytes.push(left);
  return Buffer.from(bytes);
}
