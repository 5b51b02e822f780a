import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PlanStage } from '../support/plan-stage.js';

let stage: PlanStage;

beforeAll(async () => {
  stage = await PlanStage.set();
}, 180_000);
afterAll(async () => {
  await stage?.strike();
});

const whole = {
  products: { rows: 200, slugs: 200 },
  orders: { rls: true, rows: 100 },
  isMediaBack: true,
  cached: 0,
  isServing: true,
};

const PLANS = [
  ['whole-platform', () => stage.destroy()],
  ['database', () => stage.damage()],
] as const;

describe.each(PLANS)('the plan %s, whose command line is killed at every step', (plan, strikeDown) => {
  it('ends as without a kill: each step when it begins, in its midst, and when its end is written', async () => {
    const listed = JSON.parse((await stage.cli('recovery', 'list', '--json')).stdout);
    const steps: string[] = listed.plans.find(({ name }: { name: string }) => name === plan).steps;
    await strikeDown();
    let args = ['recovery', 'run', plan, '--yes'];
    let kills = 0;
    for (const [index, step] of steps.entries()) {
      // A kill may come a moment too late: then the next step is where the next one strikes.
      const later = steps.slice(index + 1).map((name) => `… ${name}\\b`);
      const places = [
        [[`… ${step}\\b`, ...later], 0],
        [[`… ${step}\\b`, ...later], 250],
        [[`✓ ${step}:`, ...later], 0],
      ] as const;
      for (const [lines, afterMs] of places) {
        const pattern = new RegExp(lines.join('|'));
        if (await stage.cliKilledAt(pattern, afterMs, ...args)) kills += 1;
        // The one step that may not be repeated: whether its request arrived, nothing on this side can know.
        const isAsked = (await stage.openStep()) === 'backfill';
        args = ['recovery', 'resume', 'last', '--yes', ...(isAsked ? ['--repeat', 'backfill'] : [])];
      }
    }
    const ended = await stage.cli(...args);
    expect({ exitCode: ended.exitCode, said: ended.stderr }).toMatchObject({ exitCode: 0 });
    expect(kills).toBeGreaterThan(steps.length);
    expect(await stage.seen()).toEqual(whole);
    const report = JSON.parse((await stage.cli('recovery', 'report', 'last', '--json')).stdout);
    expect(report).toMatchObject({ plan, outcome: 'completed' });
    expect(new Set(report.steps.map(({ progress }: { progress: string }) => progress))).toEqual(new Set(['completed']));
    expect(report.verdicts.every(({ verdict }: { verdict: string }) => verdict === 'passed')).toBe(true);
  }, 1_200_000);
});
