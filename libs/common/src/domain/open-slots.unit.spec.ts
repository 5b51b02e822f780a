import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findSlots, type NextSlot } from './open-slots.js';

const HOUR_MS = 3_600_000;
const start = new Date('2026-01-01T00:00:00Z');

/** Bursts of slots with pauses in between, over and over. */
const slotsOf =
  (gapsMs: readonly number[]): NextSlot =>
  (after) => {
    const roundMs = gapsMs.reduce((sum, gap) => sum + gap, 0);
    const sinceMs = after.getTime() - start.getTime();
    let atMs = Math.max(Math.floor(sinceMs / roundMs), 0) * roundMs;
    for (let index = 0; atMs <= sinceMs; index += 1) atMs += gapsMs[index % gapsMs.length] ?? 1;
    return new Date(start.getTime() + atMs);
  };

function allUntil(now: Date, after: Date, next: NextSlot): Date[] {
  const slots: Date[] = [];
  for (let slot = next(after); slot !== undefined && slot <= now; slot = next(slot)) slots.push(slot);
  return slots;
}

const gaps = fc.array(fc.constantFrom(1_000, 60_000, HOUR_MS, 24 * HOUR_MS), { minLength: 1, maxLength: 6 });

describe('the slots since the mark', () => {
  it('end with the newest, and with all that may still be early, whatever the pace and the absence', () => {
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 400 }), fc.nat(120_000), (gapsMs, slots, jitterMs) => {
        const next = slotsOf(gapsMs);
        let now = start;
        for (let count = 0; count < slots; count += 1) now = next(now) ?? now;
        const all = allUntil(now, start, next);
        const found = findSlots({ doneUntil: start, jitterMs }, now, next);
        const first = all.findIndex((slot) => slot.getTime() === found.slots[0]?.getTime());
        expect(found.slots).toEqual(all.slice(first));
        const isEarly = (slot: Date) => slot.getTime() > now.getTime() - jitterMs;
        expect(all.slice(0, first).filter(isEarly)).toEqual([]);
        expect([found.forgone[0], found.forgone.at(-1)]).toEqual([
          first === 0 ? undefined : all[0],
          first === 0 ? undefined : all[first - 1],
        ]);
      }),
    );
  });

  it('are all of them while they are few', () => {
    const next = slotsOf([60_000]);
    const now = new Date(start.getTime() + HOUR_MS);
    expect(findSlots({ doneUntil: start, jitterMs: 0 }, now, next)).toEqual({
      forgone: [],
      slots: allUntil(now, start, next),
    });
  });

  it('are found in a few hundred steps after years of absence', () => {
    let steps = 0;
    const minutely = slotsOf([60_000]);
    const next: NextSlot = (after) => {
      steps += 1;
      return minutely(after);
    };
    const now = new Date('2036-01-01T00:00:00Z');
    expect(findSlots({ doneUntil: start, jitterMs: 0 }, now, next).slots).toEqual([now]);
    expect(steps).toBeLessThan(500);
  });
});
