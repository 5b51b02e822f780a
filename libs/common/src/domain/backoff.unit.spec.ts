import { describe, expect, it } from '@jest/globals';
import { toBackoffMs } from './backoff.js';

describe('backoff', () => {
  it('doubles from the first wait and stays below the cap', () => {
    const waits = [1, 2, 3, 4, 5, 100].map((tries) => toBackoffMs(tries, { firstMs: 100, maxMs: 1_000 }, 1));
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('spreads over the last quarter', () => {
    expect(toBackoffMs(1, { firstMs: 100, maxMs: 1_000 }, 0)).toBe(75);
  });
});
