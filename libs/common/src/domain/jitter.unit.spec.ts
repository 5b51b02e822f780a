import { describe, expect, it } from '@jest/globals';
import { toJitterMs } from './jitter.js';

const slot = new Date('2026-03-10T02:00:00Z');

describe('toJitterMs', () => {
  it('is the same for a slot in every process and version', () => {
    expect(toJitterMs('nightly', slot, 600_000)).toBe(348_000);
  });

  it('is nothing without jitter', () => {
    expect(toJitterMs('nightly', slot, 0)).toBe(0);
  });

  it('spreads a thousand schedules of one slot over the whole time, below its end', () => {
    const delays = Array.from({ length: 1_000 }, (_, index) => toJitterMs(`schedule-${index}`, slot, 600_000));
    expect(Math.max(...delays)).toBeLessThan(600_000);
    const perMinute = Array.from(
      { length: 10 },
      (_, minute) => delays.filter((ms) => Math.floor(ms / 60_000) === minute).length,
    );
    expect(Math.min(...perMinute)).toBeGreaterThan(50);
  });

  it('differs from slot to slot', () => {
    const delays = Array.from({ length: 10 }, (_, day) =>
      toJitterMs('nightly', new Date(slot.getTime() + day * 86_400_000), 600_000),
    );
    expect(new Set(delays).size).toBeGreaterThan(5);
  });
});
