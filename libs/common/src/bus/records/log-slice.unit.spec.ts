import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type LogSlice, toSlices } from './log-slice.js';
import type { RecordBatch } from './record-batch.js';

const range = { topic: 'orders', partition: 0, fromOffset: 0n, toOffset: 1_000n };
const wide = { maxRecords: 1_000, maxBytes: 1_000_000 };

const record = (offset: number): RecordBatch['records'][number] => ({
  offset: String(offset),
  timestamp: '0',
  key: null,
  value: Buffer.from(`record ${offset}`),
  headers: {},
});

/** A batch over [base, last] that still holds the records at these offsets. */
const batch = (base: number, last: number, held: readonly number[], more: Partial<RecordBatch> = {}): RecordBatch => ({
  baseOffset: BigInt(base),
  lastOffset: BigInt(last),
  producerId: '7',
  isTransactional: false,
  isControl: false,
  isAbort: false,
  records: held.map(record),
  ...more,
});

const marker = (offset: number, isAbort: boolean): RecordBatch =>
  batch(offset, offset, [], { isControl: true, isAbort });
const offsets = ({ records }: LogSlice): number[] => records.map(({ offset }) => Number(offset));
const only = (slices: readonly LogSlice[]): LogSlice => {
  const [slice] = slices;
  if (slice === undefined || slices.length > 1) throw new Error(`${slices.length} slices`);
  return slice;
};

describe('slices of a fetch', () => {
  it('pass over a batch that compaction emptied', () => {
    const slice = only(toSlices(range, 0n, { batches: [batch(0, 9, [])], abortedTransactions: [] }, wide));
    expect(slice).toMatchObject({ nextOffset: 10n, records: [], unreadable: { holes: 10n } });
  });

  it('leave out records before the offset that was asked for, which share its batch', () => {
    const slice = only(toSlices(range, 2n, { batches: [batch(0, 4, [0, 1, 2, 3, 4])], abortedTransactions: [] }, wide));
    expect([slice.fromOffset, offsets(slice)]).toEqual([2n, [2, 3, 4]]);
  });

  it('end where the range ends', () => {
    const short = { ...range, toOffset: 3n };
    const slice = only(toSlices(short, 0n, { batches: [batch(0, 4, [0, 1, 2, 3, 4])], abortedTransactions: [] }, wide));
    expect([slice.nextOffset, offsets(slice)]).toEqual([3n, [0, 1, 2]]);
  });

  it('drop aborted records of one producer only, until its abort marker', () => {
    const tx = { isTransactional: true };
    const batches = [
      batch(0, 1, [0, 1], tx),
      batch(2, 2, [2], { ...tx, producerId: '8' }),
      marker(3, true),
      batch(4, 4, [4], tx),
      marker(5, false),
    ];
    const slice = only(
      toSlices(range, 0n, { batches, abortedTransactions: [{ producerId: '7', firstOffset: 0n }] }, wide),
    );
    expect(offsets(slice)).toEqual([2, 4]);
    expect(slice.unreadable).toEqual({ trimmed: 0n, markers: 2n, aborted: 2n, holes: 0n });
  });

  it('are none when nothing at or above the offset was fetched', () => {
    expect(toSlices(range, 5n, { batches: [], abortedTransactions: [] }, wide)).toEqual([]);
    expect(toSlices(range, 5n, { batches: [batch(0, 4, [4])], abortedTransactions: [] }, wide)).toEqual([]);
  });

  it('are contiguous within their limits and account for every offset, whatever is left of the batches', () => {
    const kept = fc.array(fc.constantFrom('record', 'hole', 'marker'), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(kept, fc.nat(20), fc.integer({ min: 1, max: 5 }), (kinds, from, maxRecords) => {
        const batches = kinds.map((kind, at) =>
          kind === 'marker' ? marker(at, false) : batch(at, at, kind === 'record' ? [at] : []),
        );
        const slices = toSlices(
          range,
          BigInt(from),
          { batches, abortedTransactions: [] },
          { maxRecords, maxBytes: 40 },
        );
        let next = BigInt(from);
        for (const { fromOffset, nextOffset, records, unreadable } of slices) {
          expect(fromOffset).toBe(next);
          const { trimmed, markers, aborted, holes } = unreadable;
          expect(BigInt(records.length) + trimmed + markers + aborted + holes).toBe(nextOffset - fromOffset);
          expect(records.length).toBeLessThanOrEqual(maxRecords);
          next = nextOffset;
        }
        expect(next).toBe(from < kinds.length ? BigInt(kinds.length) : BigInt(from));
        const expected = kinds.flatMap((kind, at) => (kind === 'record' && at >= from ? [at] : []));
        expect(slices.flatMap(offsets)).toEqual(expected);
      }),
    );
  });
});
