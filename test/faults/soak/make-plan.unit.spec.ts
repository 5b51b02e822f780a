import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SoakPlan, TimedAction } from './actions.js';
import { makePlan } from './make-plan.js';
import { toText } from './plan-text.js';

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const lengths = fc.integer({ min: 10, max: 120 });
const forPlans = (check: (plan: SoakPlan) => void): void =>
  fc.assert(fc.property(seeds, lengths, (seed, seconds) => check(makePlan(seed, seconds))));

const ENDS = { kill: 'start', stop: 'start', freeze: 'thaw', shut: 'reopen', storm: 'calm' } as const;

function namesOf(action: TimedAction): number[] {
  if (action.do === 'ask again') return [action.number];
  if (action.do !== 'ask') return [];
  const { request } = action;
  if (request.ask === 'cancel') return [request.request];
  return request.ask === 'verification' ? [request.restore] : [];
}

describe('a soak plan', () => {
  it('is the same for the same seed, and another one for another', () => {
    fc.assert(
      fc.property(seeds, lengths, (seed, seconds) => {
        expect(makePlan(seed, seconds)).toEqual(makePlan(seed, seconds));
        expect(toText(makePlan(seed, seconds))).not.toBe(toText(makePlan((seed + 1) >>> 0, seconds)));
      }),
    );
  });

  it('ends all that it begins, in time, and begins nothing twice', () => {
    forPlans(({ actions, seconds }) => {
      const open = new Set<string>();
      for (const { atMs, ...action } of actions) {
        expect(atMs).toBeLessThanOrEqual(seconds * 1_000);
        const { do: what, ...whom } = action;
        const name = (verb: string) => `${verb} ${JSON.stringify(whom)}`;
        const end = ENDS[what as keyof typeof ENDS];
        if (end !== undefined) {
          expect(open).not.toContain(name(end));
          open.add(name(end));
        } else if (['start', 'thaw', 'reopen', 'calm'].includes(what)) {
          expect(open.delete(name(what))).toBe(true);
        }
      }
      expect([...open]).toEqual([]);
    });
  });

  it('names only requests that were made before', () => {
    forPlans(({ actions }) => {
      let made = 0;
      for (const action of actions) {
        for (const number of namesOf(action)) expect(number).toBeLessThan(made);
        if (action.do !== 'ask') continue;
        expect(action.number).toBe(made);
        made += 1;
      }
    });
  });

  it('has every kind of request and of fault, given minutes', () => {
    const { actions } = makePlan(1, 900);
    const asked = actions.flatMap((action) => (action.do === 'ask' ? [action.request.ask] : []));
    expect(new Set(asked).size).toBe(6);
    expect(new Set(actions.map((action) => action.do)).size).toBe(12);
  });
});
