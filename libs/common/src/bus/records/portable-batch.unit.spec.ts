import { describe, expect, it } from '@jest/globals';
import crc32C from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import { packBatchRecords } from './compression.js';
import { assertChecksum, stampBatch, toPortable, unpackWhole } from './portable-batch.js';
import { readHead } from './record-batch.js';
import { RecordCursor } from './record-cursor.js';

interface Shape {
  readonly attributes?: number;
  readonly lastOffsetDelta: number;
  /** Offset delta, timestamp delta; both below 64. */
  readonly records: readonly (readonly [number, number])[];
}

/** At base offset 100, first timestamp 1,000, highest 1,050; every record has no key, the value `v` and no header. */
function toBatch({ attributes = 0, lastOffsetDelta, records }: Shape): Buffer {
  const bodies = records.map(([offset, time]) => Buffer.from([14, 0, time * 2, offset * 2, 1, 2, 118, 0]));
  const packed = packBatchRecords(attributes & 7, Buffer.concat(bodies));
  const batch = Buffer.concat([Buffer.alloc(61), packed]);
  batch.writeBigInt64BE(100n, 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(attributes, 21);
  batch.writeInt32BE(lastOffsetDelta, 23);
  batch.writeBigInt64BE(1_000n, 27);
  batch.writeBigInt64BE(1_050n, 35);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32C(batch.subarray(21)), 17);
  return batch;
}

function recordsOf(batch: Buffer): (readonly [number, number])[] {
  const cursor = new RecordCursor(unpackWhole(batch));
  const found: (readonly [number, number])[] = [];
  const { firstTimestamp } = readHead(batch);
  while (cursor.next()) found.push([cursor.offsetDelta, Number(firstTimestamp) + cursor.timestampDelta]);
  return found;
}

const whole: Shape = {
  lastOffsetDelta: 1,
  records: [
    [0, 0],
    [1, 50],
  ],
};

describe.each([0, 1, 2, 3, 4])('a stored batch that is packed by codec %i', (codec) => {
  it('goes out with the same packed bytes where it is whole, as its producer sent it and not as a transaction', () => {
    const batch = toBatch({ ...whole, attributes: codec | 0x10 });
    const portable = toPortable(batch, 0n);
    expect(portable?.subarray(61)).toEqual(batch.subarray(61));
    expect(readHead(portable ?? batch)).toMatchObject({ attributes: codec, records: 2 });
  });

  it('is packed anew without the offsets that compaction left empty', () => {
    const batch = toBatch({
      attributes: codec,
      lastOffsetDelta: 6,
      records: [
        [0, 1],
        [2, 3],
        [5, 50],
      ],
    });
    const portable = toPortable(batch, 0n) ?? Buffer.alloc(0);
    expect(readHead(portable)).toMatchObject({ attributes: codec, records: 3, lastOffset: 102n });
    expect(recordsOf(portable)).toEqual([
      [0, 1_001],
      [1, 1_003],
      [2, 1_050],
    ]);
  });

  it('is packed anew without what lies below the beginning of the log, and is nothing when all does', () => {
    const batch = toBatch({ ...whole, attributes: codec });
    expect(recordsOf(toPortable(batch, 101n) ?? batch)).toEqual([[0, 1_050]]);
    expect(toPortable(batch, 102n)).toBeUndefined();
  });

  it('keeps the time that the broker had set, for every record', () => {
    const portable = toPortable(toBatch({ ...whole, attributes: codec | 0x08 }), 0n) ?? Buffer.alloc(0);
    expect(readHead(portable)).toMatchObject({ attributes: codec, isLogAppendTime: false });
    expect(recordsOf(portable)).toEqual([
      [0, 1_050],
      [1, 1_050],
    ]);
  });
});

describe('a batch that is to be sent', () => {
  it('has the checksum of what it says now', () => {
    const portable = toPortable(toBatch(whole), 0n) ?? Buffer.alloc(0);
    stampBatch(portable, { producerId: 7n, epoch: 3, sequence: 40 });
    expect(() => assertChecksum(portable)).not.toThrow();
    expect(readHead(portable)).toMatchObject({ producerId: '7', baseOffset: 0n });
  });
});

describe('a batch that was damaged', () => {
  it('is found by its checksum', () => {
    const batch = toBatch(whole);
    batch[batch.length - 2] = 119;
    expect(() => assertChecksum(batch)).toThrow('offset 100 has a wrong checksum');
  });

  it('is found by its records, which end before the batch does', () => {
    const batch = toBatch(whole);
    batch.writeInt32BE(3, 57);
    expect(() => recordsOf(batch)).toThrow(/damaged/);
  });
});
