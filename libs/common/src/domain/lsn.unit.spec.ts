import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareLsn, parseLsn, toLsnBytes } from './lsn.js';

const lsn = fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)).map(([high, low]) => ({
  text: parseLsn(`${high.toString(16)}/${low.toString(16)}`),
  bytes: BigInt(high) * 2n ** 32n + BigInt(low),
}));

describe('WAL positions', () => {
  it('compare as the byte counts that they are', () => {
    fc.assert(
      fc.property(lsn, lsn, (a, b) => {
        expect(toLsnBytes(a.text)).toBe(a.bytes);
        expect(compareLsn(a.text, b.text)).toBe(a.bytes === b.bytes ? 0 : a.bytes < b.bytes ? -1 : 1);
      }),
    );
  });

  it.each(['', '1', '1/', 'x/1', '1/123456789'])('refuse "%s"', (text) => {
    expect(() => parseLsn(text)).toThrow(/WAL position/);
  });
});
