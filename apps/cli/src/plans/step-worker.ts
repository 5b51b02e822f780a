import type { PlanStep, StepOf } from '#common/config/plans/plan-steps.js';
import type { JsonObject } from '#common/domain/json.js';
import type { Check } from '#common/engines/check.js';
import type { VerbContext } from '../verb.js';
import type { Approvals } from './approvals.js';

/** One try at a step. Its signal fires on Ctrl-C, and when the step takes too long. */
export interface StepContext extends VerbContext {
  /** Of the plan. */
  readonly runId: string;
  /** Counts every try, from 1, over all resumptions. */
  readonly attempt: number;
  /** An earlier try began, and its end was bad or is unknown: something of it may still be going on. */
  readonly isUnfinished: boolean;
  /** What an earlier try noted. */
  readonly note: JsonObject | null;
  /** On the disk when it returns: a later try finds it. Null: it begins anew. */
  readonly keepNote: (note: JsonObject | null) => void;
  readonly approvals: Approvals;
  /** Shows a line, without secrets; the last one is in the error of a step that takes too long. */
  readonly tell: (line: string) => void;
}

export interface StepResult {
  /** For later steps. */
  readonly outputs: Readonly<Record<string, string>>;
  /** For the report; secrets are taken out of it. */
  readonly evidence: JsonObject;
  /** What was done, for the operator. */
  readonly said: string;
}

/** What one kind of step does. What the configuration says of it is in libs/common/src/config/plans/steps/. */
export interface StepWorker<Step = PlanStep> {
  /** In a few words, for lists and plans: `alembic upgrade head`. */
  describe(step: Step): string;
  /** What can be asked beforehand without harm. */
  checks(step: Step, context: VerbContext): readonly Check[];
  /** What of its outputs is known beforehand. Absent: nothing. Throws: as the step would. */
  foresee?(step: Step, context: VerbContext): Promise<Readonly<Record<string, string>>>;
  /** Throws why the step failed; the abort reason. */
  run(step: Step, context: StepContext): Promise<StepResult>;
}

/** Ties a worker to its kind of step. */
export const defineWorker = <Use extends PlanStep['use']>(_use: Use, worker: StepWorker<StepOf<Use>>) => worker;
