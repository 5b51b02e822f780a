import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideRange, type RangeFacts, recordsAtMost } from './replay-range.js';

const facts = (o: Partial<RangeFacts>): RangeFacts => ({
  position: 10n,
  committed: 20n,
  logStart: 0n,
  logEnd: 30n,
  ...o,
});

describe('the range of a replay', () => {
  it.each([
    ['runs from the position to what the group had read', {}, [10n, 20n], null],
    ['is empty for a group that stands at the position', { committed: 10n }, [10n, 10n], null],
    ['never moves a group forward', { committed: 4n }, [10n, 10n], null],
    ['runs to the end for a group without a commit', { committed: null }, [10n, 30n], null],
    ['names what retention took', { logStart: 13n }, [10n, 20n], [10n, 13n]],
    ['is all gap when everything was trimmed', { logStart: 25n }, [10n, 20n], [10n, 20n]],
    ['has no gap where nothing is asked for', { committed: 10n, logStart: 25n }, [10n, 10n], null],
  ])('%s', (_, given, [fromOffset, toOffset], gap) => {
    const expected = gap && { fromOffset: gap[0], toOffset: gap[1] };
    expect(decideRange(facts(given))).toEqual({ fromOffset, toOffset, gap: expected });
  });

  it('splits every range into gap and rest', () => {
    const offset = fc.bigInt({ min: 0n, max: 50n });
    fc.assert(
      fc.property(
        fc.record({ position: offset, committed: fc.option(offset), logStart: offset, logEnd: offset }),
        (given) => {
          const range = decideRange(given);
          const lost = range.gap === null ? 0n : range.gap.toOffset - range.gap.fromOffset;
          expect(lost >= 0n && recordsAtMost(range) >= 0n).toBe(true);
          expect(lost + recordsAtMost(range)).toBe(range.toOffset - range.fromOffset);
        },
      ),
    );
  });
});
