import type { SoakPlan } from './actions.js';
import { planFaults } from './plan-faults.js';
import { planRequests } from './plan-requests.js';
import { Seeded } from './seeded.js';

/** On the whole; two cores are busy with it. */
const ASK_EVERY_MS = 1_800;
const FAIL_EVERY_MS = 3_000;

/** A pure function of both numbers. After the last action everything is open, thawed and started. */
export function makePlan(seed: number, seconds: number): SoakPlan {
  const chance = new Seeded(seed);
  const lengthMs = seconds * 1_000;
  const requests = planRequests(chance.fork(), lengthMs, ASK_EVERY_MS);
  const faults = planFaults(chance.fork(), lengthMs, FAIL_EVERY_MS);
  // Stable: what is due at the same instant keeps its order.
  const actions = [...requests, ...faults].sort((a, b) => a.atMs - b.atMs);
  return { seed, seconds, actions };
}
