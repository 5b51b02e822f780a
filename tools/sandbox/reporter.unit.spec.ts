import { describe, expect, it } from '@jest/globals';
import { toSize, toTable } from './reporter.js';

describe('toTable', () => {
  it('makes columns as wide as their widest cell, and numbers flush right', () => {
    expect(
      toTable(
        ['name', 'n'],
        [
          ['a', 5],
          ['longer', 1440],
        ],
      ),
    ).toBe(['name    n', '------  ----', 'a          5', 'longer  1440'].join('\n'));
  });
});

describe('toSize', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [287_671, '287.7 kB'],
    [5e15, '5000.0 TB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(toSize(bytes)).toBe(text));
});
