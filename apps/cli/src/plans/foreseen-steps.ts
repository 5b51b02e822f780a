import type { PlanConfig } from '#common/config/plans/plan.config.js';
import type { PlanStep } from '#common/config/plans/plan-steps.js';
import { type AppError, toAppError } from '#common/errors/app-error.js';
import type { VerbContext } from '../verb.js';
import { fillStep } from './planned-steps.js';
import { workerOf } from './step-workers.js';

/** A step as far as it is known before any of it is done. */
export interface ForeseenStep {
  /** With the inputs that are known. */
  readonly step: PlanStep;
  /** Inputs that are known only when the step before has run. */
  readonly missing: readonly string[];
  /** What of its outputs is known. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Why its own outputs cannot be foreseen. */
  readonly problem: AppError | undefined;
}

const NO_RUN = '00000000-0000-7000-8000-000000000000';

/** Looks at each step with what the steps before it would bring about. Changes nothing. Throws: the abort reason. */
export async function foreseeSteps({ steps }: PlanConfig, context: VerbContext): Promise<ForeseenStep[]> {
  const outputs = new Map<string, Readonly<Record<string, string>>>();
  const foreseen: ForeseenStep[] = [];
  for (const configured of steps) {
    const { step, missing } = fillStep(configured, NO_RUN, (name) => outputs.get(name) ?? {});
    if (step === undefined) {
      foreseen.push({ step: configured, missing, outputs: {}, problem: undefined });
      continue;
    }
    try {
      const own = (await workerOf(step).foresee?.(step, context)) ?? {};
      outputs.set(step.name, own);
      foreseen.push({ step, missing, outputs: own, problem: undefined });
    } catch (error) {
      context.signal.throwIfAborted();
      foreseen.push({ step, missing, outputs: {}, problem: toAppError(error) });
    }
  }
  return foreseen;
}
