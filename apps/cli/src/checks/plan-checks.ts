import type { PlanConfig } from '#common/config/plans/plan.config.js';
import { type Check, CheckWarning } from '#common/engines/check.js';
import { known } from '#common/service/installation.js';
import { type ForeseenStep, foreseeSteps } from '../plans/foreseen-steps.js';
import { findPlanPoint, toPointedPlan } from '../plans/plan-point.js';
import { toSeconds } from '../plans/run-plan.js';
import { workerOf } from '../plans/step-workers.js';
import type { Options, VerbContext } from '../verb.js';

/** Would this plan go through today? Asks of each step what can be asked without harm. Throws: request.refused for an unknown plan. */
export async function planChecks(name: string, context: VerbContext, options: Options = {}): Promise<Check[]> {
  const configured = known(context.installation.config.plans, name, 'plan');
  const { plan, checks } = await pointChecks({ name, plan: configured }, context, options);
  const foreseen = await foreseeSteps(plan, context);
  return [...checks, ...foreseen.flatMap((each) => checksOf(name, each, context))];
}

interface NamedPlan {
  readonly name: string;
  readonly plan: PlanConfig;
}

/** Where no point is possible the steps are asked as if each came back by itself. Throws: request.invalid, request.refused; the abort reason. */
async function pointChecks(
  { name, plan }: NamedPlan,
  context: VerbContext,
  options: Options,
): Promise<{ readonly plan: PlanConfig; readonly checks: readonly Check[] }> {
  const check = (run: Check['run']): Check => ({ name: `plan ${name}, recovery point ${plan.point ?? ''}`, run });
  try {
    const point = await findPlanPoint({ name, plan }, options, context);
    if (point === undefined) return { plan, checks: [] };
    const { at, skewMs, members } = point;
    const said = `${members.length} members come back as of ${at}, within ${toSeconds(skewMs)} of each other`;
    return { plan: toPointedPlan(plan, point), checks: [check(async () => said)] };
  } catch (error) {
    context.signal.throwIfAborted();
    if (plan.point === undefined) throw error;
    return { plan, checks: [check(() => Promise.reject(error))] };
  }
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
