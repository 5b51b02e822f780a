import { describe, expect, it } from '@jest/globals';
import { HeldTopics } from './held-topics.js';

describe('a topic that is held back', () => {
  it('waits longer after every failure in a row, up to a limit, and is a suspect until it was released', () => {
    let now = 0;
    const held = new HeldTopics({ firstMs: 1_000, maxMs: 4_000 }, () => now);
    const waits = [1, 2, 3, 4].map((failures) => {
      expect(held.hold('sick')).toBe(failures);
      const from = now;
      while (held.waiting().includes('sick')) now += 50;
      return now - from;
    });
    const limits = [1_000, 2_000, 4_000, 4_000];
    expect(waits.every((ms, n) => ms >= 0.75 * (limits[n] ?? 0) && ms <= (limits[n] ?? 0) + 50)).toBe(true);
    expect([held.isSuspect('sick'), held.isSuspect('well')]).toEqual([true, false]);
    held.release('sick');
    expect([held.isSuspect('sick'), held.hold('sick')]).toEqual([false, 1]);
  });
});
