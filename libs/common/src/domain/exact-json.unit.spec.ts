import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareNumbers, isExactNumber, parseExactJson, toDecimal } from './exact-json.js';

describe('parseExactJson', () => {
  it.each(['9007199254740993', '-9007199254740993', '18446744073709551615', '0.1000000000000000055', '1e400'])(
    'keeps the digits of %s',
    (digits) => {
      const parsed = parseExactJson(`{"a":[${digits}]}`);
      expect(JSON.stringify(parsed)).toBe(`{"a":[${digits}]}`);
    },
  );

  it.each(['0', '1.0', '-0', '1e2', '0.1', '9007199254740992', '1.7976931348623157e308'])(
    'makes a plain number of %s, which a double holds',
    (digits) => {
      expect(parseExactJson(digits)).toBe(Number(digits));
    },
  );

  it('tells neighbours apart that are one double', () => {
    expect(parseExactJson('9007199254740993')).not.toEqual(parseExactJson('9007199254740992'));
    expect(isExactNumber(parseExactJson('9007199254740993'))).toBe(true);
    expect(isExactNumber(parseExactJson('{"rawJSON":"1"}'))).toBe(false);
  });

  it('agrees with JSON.parse wherever a double is enough', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseExactJson(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('compareNumbers', () => {
  const exact = (digits: string) => parseExactJson(digits);
  it.each([
    ['9007199254740993', 9007199254740992, 1],
    ['-9007199254740993', -9007199254740992, -1],
    ['9007199254740993', 9007199254740994, -1],
    ['1e400', 1e308, 1],
    ['-1e400', 0, -1],
    ['0.1000000000000000055', 0.1, 1],
  ])('finds %s against %d by digits', (digits, other, order) => {
    expect(Math.sign(compareNumbers(exact(digits), other) ?? Number.NaN)).toBe(order);
    expect(Math.sign(compareNumbers(other, exact(digits)) ?? Number.NaN)).toBe(-order);
  });

  it('orders doubles, and texts of numbers, as numbers are ordered', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(Math.sign(compareNumbers(a, String(b)) ?? Number.NaN)).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
    expect(compareNumbers(-1.5, '-1.50')).toBe(0);
    expect([compareNumbers('x', 1), compareNumbers(1, null), compareNumbers(true, 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

it('names one number by one text', () => {
  expect(['100', '1e2', '100.00', '1E+2', '0.1e3'].map(toDecimal)).toEqual(Array(5).fill('1e2'));
  expect(['0', '0.00', '-0', '0e9'].map(toDecimal)).toEqual(Array(4).fill('0'));
  expect([toDecimal('-1.50'), toDecimal('0.015')]).toEqual(['-15e-1', '15e-3']);
});
