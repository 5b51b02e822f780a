import { describe, expect, it } from '@jest/globals';
import { parseStat } from './process-table.js';

const toStat = (name: string, state: string): string =>
  `42 (${name}) ${[state, '1', '42', ...Array.from({ length: 16 }, (_, n) => String(n)), '4711', 'rest'].join(' ')}`;

describe('the entry of a process', () => {
  it('is read behind a name with spaces and parentheses', () => {
    expect(parseStat(toStat('a) (b c)', 'S'))).toEqual({ pid: 42, group: 42, startedAt: '4711', isGone: false });
  });

  it.each(['Z', 'X'])('in state %s is gone', (state) => {
    expect(parseStat(toStat('zstd', state))).toMatchObject({ isGone: true });
  });

  it('is none when the text is cut', () => {
    expect(parseStat('42 (zstd) S 1')).toBeUndefined();
  });
});
