import { describe, expect, it } from '@jest/globals';
import { judgeDrill, newestOf, pickInstant, spansOn, toFraction } from './drill.policy.js';

const at = (minute: number): string => new Date(Date.UTC(2026, 2, 1, 12, minute)).toISOString();

describe('the instant of a drill', () => {
  const spans = [
    { from: at(0), to: at(10) },
    { from: at(20), to: at(50) },
    { from: at(55), to: null },
  ];

  it.each([
    [0, 0],
    [0.125, 5],
    [0.25, 20],
    [0.5, 30],
    [0.75, 40],
  ])('lies in no hole between the spans: %d of their length is minute %d', (fraction, minute) => {
    expect(pickInstant(spans, fraction)).toBe(at(minute));
  });

  it('is one that the timeline has which the recovery follows, and not of one that was left by a promotion', () => {
    const windows = [
      { timeline: 1, from: { at: at(0) }, to: { at: at(40) } },
      { timeline: 2, from: { at: at(0) }, to: { at: at(20) } },
    ];
    expect(spansOn(2, windows)).toEqual([{ from: at(0), to: at(20) }]);
  });

  it('is none where no span has a length', () => {
    expect(pickInstant([{ from: at(1), to: null }], 0.5)).toBeUndefined();
    expect(pickInstant([{ from: at(1), to: at(1) }], 0.5)).toBeUndefined();
  });

  it('is the same for every attempt of a run, and another for another run', () => {
    const [one, other] = ['0197a5a8-0000-7000-8000-000000000001', '0197a5a8-0000-7000-8000-000000000002'];
    expect(toFraction(one)).toBe(toFraction(one));
    expect(toFraction(one)).not.toBe(toFraction(other));
  });

  it('is never newer than what can be restored', () => {
    expect(newestOf(spans)).toBe(at(55));
    expect(newestOf([])).toBeUndefined();
  });
});

describe('a drill', () => {
  const measured = { restoreMs: 40_000, verifyMs: 20_000, rtoMs: 60_000, rpoMs: 3_600_000 };

  it('passes when the restore is proven and every objective is met', () => {
    expect(judgeDrill('passed', measured, { rtoMs: 60_000, rpoMs: 3_600_000 })).toEqual({
      isPassed: true,
      objectives: { rto: { ms: 60_000, isMet: true }, rpo: { ms: 3_600_000, isMet: true } },
    });
  });

  it('does not pass when the restore took too long, however good it was', () => {
    expect(judgeDrill('passed', measured, { rtoMs: 59_999 })).toEqual({
      isPassed: false,
      objectives: { rto: { ms: 59_999, isMet: false }, rpo: null },
    });
  });

  it.each(['failed', 'inconclusive'] as const)('does not pass when the verdict is %s', (verdict) => {
    expect(judgeDrill(verdict, measured, {}).isPassed).toBe(false);
  });
});
