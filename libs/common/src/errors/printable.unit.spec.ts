import { describe, expect, it } from '@jest/globals';
import { toShortList, toText } from './printable.js';

describe('a value as text', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;

  it.each([
    ['a', 'a'],
    [1, '1'],
    [1n, '1n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{ directory: '/usr/bin', major: 15 }, '{"directory":"/usr/bin","major":15}'],
    [[{ a: 1 }], '[{"a":1}]'],
    [{ many: 1n }, '{ many: 1n }'],
    [new Map([['a', 1]]), `Map(1) { 'a' => 1 }`],
    [new TypeError('x is not a function'), 'x is not a function'],
    [new TypeError(), 'TypeError'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(Number.NaN), 'no instant'],
  ])('%j', (value, text) => expect(toText(value)).toBe(text));

  it('a circle', () => expect(toText(circle)).toBe('<ref *1> { self: [Circular *1] }'));
});

describe('a short list', () => {
  it.each([
    [[], {}, ''],
    [['a', 'b'], { limit: 2 }, 'a, b'],
    [['a', 'b', 'c'], { limit: 1 }, 'a and 2 more'],
    [['a', 'b'], { total: 9 }, 'a, b and 7 more'],
    [['a, b', 'c', 'd'], { limit: 2, separator: '; ' }, 'a, b; c and 1 more'],
  ])('counts what it leaves out: %j %j', (names, options, expected) => {
    expect(toShortList(names, options)).toBe(expected);
  });
});
