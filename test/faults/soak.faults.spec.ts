import { expect, it } from '@jest/globals';
import { makePlan } from './soak/make-plan.js';
import { toText } from './soak/plan-text.js';
import { soak } from './soak/soak.js';
import { conclude } from './support/report.js';

/** Longer ones, with any seed: `npm run test:soak`. */
const SEED = 4;
const SECONDS = 25;
const MINUTES = 60_000;

const run = process.env['HOLDFAST_FAULTS'] === 'all' ? it : it.skip;
run(
  'a soak of requests, kills and outages at random breaks no promise',
  async () => {
    const plan = makePlan(SEED, SECONDS);
    process.stdout.write(`${toText(plan)}\n`);
    const { broken, restSeconds } = await soak(plan);
    const step = `${SECONDS} s, ${plan.actions.length} actions, then rest`;
    await conclude({ fault: `soak seed ${SEED}`, step, recoverySeconds: restSeconds }, async () => [...broken]);
    expect(broken).toEqual([]);
  },
  6 * MINUTES,
);
