import { type Check, CheckWarning } from '#common/engines/check.js';
import { known } from '#common/service/installation.js';
import { type ForeseenStep, foreseeSteps } from '../plans/foreseen-steps.js';
import { workerOf } from '../plans/step-workers.js';
import type { VerbContext } from '../verb.js';

/** Would this plan go through today? Asks of each step what can be asked without harm. Throws: request.refused for an unknown plan. */
export async function planChecks(name: string, context: VerbContext): Promise<Check[]> {
  const plan = known(context.installation.config.plans, name, 'plan');
  const foreseen = await foreseeSteps(plan, context);
  return foreseen.flatMap((each) => checksOf(name, each, context));
}

function checksOf(plan: string, { step, missing }: ForeseenStep, context: VerbContext): readonly Check[] {
  const ofPlan = (check: Check): Check =>
    check.name.startsWith('step ') ? { ...check, name: `plan ${plan}, ${check.name}` } : check;
  if (missing.length === 0) return workerOf(step).checks(step, context).map(ofPlan);
  const run = async (): Promise<string> => {
    throw new CheckWarning(`${missing.join(', ')} is known only when the plan runs, so nothing was asked`);
  };
  return [{ name: `plan ${plan}, step ${step.name}: inputs`, run }];
}

/** Two plans, or a plan and the rest of the configuration, ask some things twice: the first stays, with what it needs. */
export const withoutRepeats = (checks: readonly Check[]): Check[] =>
  checks.filter(({ name }, index) => checks.findIndex((check) => check.name === name) === index);
