import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDuration, toDurationText } from './duration.js';

const HOUR_MS = 3_600_000;

describe('a duration', () => {
  it.each([
    ['90m', 1.5 * HOUR_MS],
    ['12h', 12 * HOUR_MS],
    ['30d', 720 * HOUR_MS],
    ['1w2d', 216 * HOUR_MS],
    ['1y', 8_760 * HOUR_MS],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '0d', '30', 'd', '-1d', '1.5h', '30 d', '30D', '1mo'])('"%s" is none', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), (minutes) => {
        expect(parseDuration(toDurationText(minutes * 60_000))).toBe(minutes * 60_000);
      }),
    );
  });
});
