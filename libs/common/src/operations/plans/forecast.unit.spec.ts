import { describe, expect, it } from '@jest/globals';
import { lastMeasured, toForecast } from './forecast.js';
import type { JournalLine } from './journal-line.js';
import { toRunState } from './run-state.js';

const at = '2026-03-01T12:00:00.000Z';

function runOf(plan: string, durations: Readonly<Record<string, number | null>>) {
  const steps = Object.keys(durations).map((name) => ({ name, use: 'exec', always: false }));
  const runId = '01987654-3210-7fff-bfff-ffffffffffff';
  const said = { instance: 'i', by: 'ann', host: 'h', holdfastVersion: '1', disasterAt: null };
  const lines = Object.entries(durations).flatMap(([step, durationMs]): JournalLine[] => {
    const started: JournalLine = { type: 'step-started', at, step, attempt: 1 };
    if (durationMs === null) return [started];
    return [started, { type: 'step-completed', at, step, durationMs, outputs: {}, evidence: {} }];
  });
  return toRunState([{ type: 'begun', at, version: 1, runId, plan, ...said, steps }, ...lines]);
}

describe('the forecast of a plan', () => {
  const runs = [
    runOf('other', { a: 9_000 }),
    runOf('shop', { a: 2_000, b: null }),
    runOf('shop', { a: 5_000, b: 1_040 }),
  ];

  it('takes of each step the newest time that it was measured, of this plan alone', () => {
    const seconds = [...lastMeasured('shop', runs)].map(([step, measured]) => [step, measured.seconds]);
    expect(seconds).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('adds up what is known, and names what is not', () => {
    expect(toForecast(['a', 'b', 'c'], lastMeasured('shop', runs))).toEqual({ seconds: 3, unmeasured: ['c'] });
    expect(toForecast(['a'], lastMeasured('shop', []))).toEqual({ seconds: 0, unmeasured: ['a'] });
  });
});
