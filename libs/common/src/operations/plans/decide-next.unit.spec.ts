import { describe, expect, it } from '@jest/globals';
import { assertFits, assertOrders, decideNext, type PlannedStep, toAskError } from './decide-next.js';
import type { JournalLine } from './journal-line.js';
import { toRunState } from './run-state.js';

const at = '2026-03-01T12:00:00.000Z';
const problem = { code: 'plan.program', message: 'no', hint: 'Look.', context: {} };

const step = (name: string, changes: Partial<PlannedStep> = {}): PlannedStep => ({
  ...{ name, use: 'exec', always: false, isRepeatable: true, inputs: [] },
  ...changes,
});

const plan = [
  step('a'),
  step('b', { inputs: ['a'] }),
  step('c'),
  step('z', { always: true, inputs: ['b'] }),
  step('last', { always: true }),
];

const heads = (steps: readonly PlannedStep[]) => steps.map(({ name, use, always }) => ({ name, use, always }));
const begun = (steps = plan): JournalLine => ({
  ...{ type: 'begun', at, version: 1, runId: '01987654-3210-7fff-bfff-ffffffffffff', plan: 'p', instance: 'i' },
  ...{ by: 'ann', host: 'h', holdfastVersion: '1', disasterAt: null, steps: heads(steps) },
});
const resumed = (steps = plan): JournalLine => ({ type: 'resumed', at, by: 'ann', host: 'h', steps: heads(steps) });
const started = (name: string, attempt = 1): JournalLine => ({ type: 'step-started', at, step: name, attempt });
const completed = (name: string): JournalLine => ({
  type: 'step-completed',
  at,
  step: name,
  durationMs: 1,
  outputs: {},
  evidence: {},
});
const failed = (name: string, willRetry = false): JournalLine => ({
  type: 'step-failed',
  at,
  step: name,
  durationMs: 1,
  problem,
  willRetry,
});
const done = (...names: string[]) => names.flatMap((name) => [started(name), completed(name)]);

const nextOf = (lines: readonly JournalLine[], steps = plan): string => {
  const next = decideNext(steps, toRunState([begun(steps), ...lines]));
  return next.do === 'end' ? `end ${next.outcome}` : `${next.do} ${next.step.name}`;
};

describe('what a run of a plan does next', () => {
  it.each<[string, readonly JournalLine[], string]>([
    ['first the first step', [], 'run a'],
    ['then the next', done('a'), 'run b'],
    ['again what may be tried again', [...done('a'), started('b'), failed('b', true)], 'run b'],
    ['after a failure only what always runs, and of that what has its inputs', [started('a'), failed('a')], 'leave z'],
    [
      'then the rest of what always runs',
      [started('a'), failed('a'), { type: 'step-skipped', at, step: 'z', reason: 'x' }],
      'run last',
    ],
    [
      'then nothing: the run has failed',
      [...done('a', 'b'), started('c'), failed('c'), ...done('z', 'last')],
      'end failed',
    ],
    ['after the last step what always runs', done('a', 'b', 'c'), 'run z'],
    ['and then it is completed', done('a', 'b', 'c', 'z', 'last'), 'end completed'],
    [
      'it is failed when only what always runs failed',
      [...done('a', 'b', 'c', 'z'), started('last'), failed('last')],
      'end failed',
    ],
    ['resumed, the step that failed', [...done('a'), started('b'), failed('b'), ...done('last'), resumed()], 'run b'],
    ['resumed after a crash, the step that was interrupted', [...done('a'), started('b'), resumed()], 'run b'],
    [
      'resumed, what always runs once more',
      [...done('a', 'b'), started('c'), failed('c'), ...done('z', 'last'), resumed(), ...done('c')],
      'run z',
    ],
    [
      'resumed, not what the operator left out',
      [started('a'), resumed(), { type: 'step-skipped', at, step: 'a', reason: 'x' }],
      'leave b',
    ],
  ])('is %s', (_, lines, expected) => {
    expect(nextOf(lines)).toBe(expected);
  });

  const once = [step('a', { isRepeatable: false }), step('b')];
  it.each<[string, readonly JournalLine[], string]>([
    ['asked for a step that was interrupted', [started('a'), resumed(once)], 'ask a'],
    ['asked for a step that failed', [started('a'), failed('a'), resumed(once)], 'ask a'],
    ['not asked for one that never began', [resumed(once)], 'run a'],
    [
      'not asked again where the operator allowed it',
      [started('a'), resumed(once), { type: 'step-allowed', at, step: 'a', by: 'ann' }],
      'run a',
    ],
    [
      'asked anew after the allowed try was interrupted too',
      [started('a'), resumed(once), { type: 'step-allowed', at, step: 'a', by: 'ann' }, started('a', 2), resumed(once)],
      'ask a',
    ],
    [
      'not asked where the step noted from where it goes on',
      [started('a'), { type: 'step-noted', at, step: 'a', note: { id: 1 } }, resumed(once)],
      'run a',
    ],
    [
      'asked where it took its note back',
      [
        started('a'),
        { type: 'step-noted', at, step: 'a', note: { id: 1 } },
        { type: 'step-noted', at, step: 'a', note: null },
        resumed(once),
      ],
      'ask a',
    ],
  ])('is %s, of one that may not be repeated', (_, lines, expected) => {
    expect(nextOf(lines, once)).toBe(expected);
  });

  it('names both commands when it asks', () => {
    const run = toRunState([begun(once), started('a')]);
    const [first] = run.steps;
    if (first === undefined) throw new Error('no step');
    expect(toAskError(run, first)).toMatchObject({
      code: 'plan.not-repeatable',
      message: expect.stringContaining('interrupted'),
      hint: expect.stringMatching(/--repeat a.*--skip a/),
    });
  });
});

describe('a plan that was changed while its run was interrupted', () => {
  const run = toRunState([begun(), ...done('a'), started('b')]);

  it('fits with new steps, and without steps that were never begun', () => {
    expect(() => assertFits([step('new'), step('a'), step('b')], run)).not.toThrow();
  });

  it.each([
    ['lost a step that was begun', [step('a'), step('c')], 'has no such step'],
    ['made it another kind of step', [step('a'), step('b', { use: 'http' })], 'says "http" now'],
  ])('is refused where it %s', (_, steps, message) => {
    expect(() => assertFits(steps, run)).toThrow(message);
  });
});

describe('the orders of an operator', () => {
  const run = toRunState([begun(), ...done('a'), started('b'), failed('b')]);

  it.each([
    [{ skip: ['c'], repeat: ['b'] }, undefined],
    [{ skip: ['a'], repeat: [] }, 'no open step'],
    [{ skip: [], repeat: ['nothing'] }, 'no open step'],
    [{ skip: ['b'], repeat: [] }, 'step "z" needs an output of it'],
    [{ skip: ['b', 'z'], repeat: [] }, undefined],
    [{ skip: ['c'], repeat: ['c'] }, 'both skipped and repeated'],
  ])('%j are held against the run', (orders, message) => {
    const check = () => assertOrders(orders, plan, run);
    if (message === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(message);
  });
});
