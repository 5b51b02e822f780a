import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseLsn, toLsnBytes } from './lsn.js';
import {
  parseSegmentName,
  parseTimelineHistory,
  timelineAt,
  toHexPosition,
  toLsn,
  toSegmentName,
  toSegmentNumber,
} from './wal.js';

const MIB = 1 << 20;

describe('a WAL segment', () => {
  it.each([
    ['0/0', 16, 1, '000000010000000000000000'],
    ['0/FFFFFFFF', 16, 1, '0000000100000000000000FF'],
    ['1/0', 16, 2, '000000020000000100000000'],
    ['16/B374D848', 1, 10, '0000000A0000001600000B37'],
    ['16/B374D848', 64, 1, '00000001000000160000002C'],
  ])('with %s in segments of %i MB on timeline %i is %s', (lsn, megabytes, timeline, name) => {
    const bytes = megabytes * MIB;
    expect(toSegmentName(timeline, toSegmentNumber(toLsnBytes(parseLsn(lsn)), bytes), bytes)).toBe(name);
  });

  it('has one name for each size, timeline and number', () => {
    const anywhere = fc.record({
      timeline: fc.integer({ min: 1, max: 0xffff_ffff }),
      position: fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }),
      segmentBytes: fc.constantFrom(1, 2, 16, 64, 1_024).map((megabytes) => megabytes * MIB),
    });
    fc.assert(
      fc.property(anywhere, ({ timeline, position, segmentBytes }) => {
        const number = toSegmentNumber(position, segmentBytes);
        expect(parseSegmentName(toSegmentName(timeline, number, segmentBytes), segmentBytes)).toEqual({
          timeline,
          number,
        });
        expect(toLsnBytes(toLsn(position))).toBe(position);
        expect(BigInt(`0x${toHexPosition(position)}`)).toBe(position);
      }),
    );
  });

  it.each(['0000000100000000000001FF', '00000001000000000000000', '00000001.history', '00000001000000000000000G'])(
    'of 16 MB is never called %s',
    (name) => {
      expect(parseSegmentName(name, 16 * MIB)).toBeUndefined();
    },
  );
});

describe('a timeline history', () => {
  const history = parseTimelineHistory(
    '1\t0/3000000\tno recovery target specified\n\n# note\n2\t0/5000100\tbefore 2026\n',
  );

  it('names the ancestors, and where each ends', () => {
    expect(history).toEqual([
      { timeline: 1, endsAt: 0x300_0000n },
      { timeline: 2, endsAt: 0x500_0100n },
    ]);
    expect(parseTimelineHistory('')).toEqual([]);
    expect(() => parseTimelineHistory('what')).toThrow(expect.objectContaining({ code: 'engine.output' }));
  });

  it.each([
    [0x2ff_ffffn, 1],
    [0x300_0000n, 2],
    [0x500_00ffn, 2],
    [0x500_0100n, 3],
  ])('knows whose WAL there is at %s', (position, timeline) => {
    expect(timelineAt(history, 3, position)).toBe(timeline);
  });
});
