import type { Problem } from '#common/errors/app-error.js';
import { AppError } from '#common/errors/app-error.js';
import type { RunState, StepState } from './run-state.js';

/** A step of the plan as the configuration has it now. */
export interface PlannedStep {
  readonly name: string;
  readonly use: string;
  readonly always: boolean;
  /** Whether it can be done again when it began and did not complete. */
  readonly isRepeatable: boolean;
  /** The steps whose outputs it needs. */
  readonly inputs: readonly string[];
}

export type Next =
  | { readonly do: 'run'; readonly step: StepState }
  /** An input that it needs was never brought about: only steps that always run come here without. */
  | { readonly do: 'leave'; readonly step: StepState; readonly reason: string }
  /** It began, its end is unknown or was bad, and doing it again may harm: the operator says what to do. */
  | { readonly do: 'ask'; readonly step: StepState }
  | { readonly do: 'end'; readonly outcome: 'completed' | 'failed' };

/** What a run does next. Each step in the order of the plan; after one that failed only those that always run. */
export function decideNext(plan: readonly PlannedStep[], run: RunState): Next {
  const isFailed = run.steps.some((step) => !step.always && step.isGivenUp);
  const open = run.steps.find((step) => isOpen(step) && (step.always || !isFailed));
  if (open === undefined) {
    const isBad = run.steps.some(({ progress }) => progress === 'failed');
    return { do: 'end', outcome: isBad ? 'failed' : 'completed' };
  }
  const planned = plan.find(({ name }) => name === open.name);
  const missing = planned?.inputs.find((input) => !hasOutputs(run, input));
  if (missing !== undefined)
    return { do: 'leave', step: open, reason: `it needs an output of step "${missing}", which did not complete` };
  const mayRun = open.progress === 'pending' || open.isAllowed || open.note !== null || planned?.isRepeatable === true;
  return { do: mayRun ? 'run' : 'ask', step: open };
}

const isOpen = ({ progress, isGivenUp }: StepState): boolean =>
  progress === 'pending' || progress === 'begun' || (progress === 'failed' && !isGivenUp);

const hasOutputs = ({ steps }: RunState, name: string): boolean =>
  steps.some((step) => step.name === name && step.progress === 'completed');

/** Throws: plan.changed where the plan lost a step that was begun, or made it another kind of step. */
export function assertFits(plan: readonly PlannedStep[], run: RunState): void {
  for (const { name, use, progress } of run.steps.filter((step) => step.progress !== 'pending')) {
    const now = plan.find((step) => step.name === name);
    if (now?.use === use) continue;
    const found = now === undefined ? 'has no such step any more' : `says "${now.use}" now`;
    const message = `step "${name}" (${use}) of run ${run.begun.runId} is ${progress}, and plan "${run.begun.plan}" ${found}`;
    throw new AppError('plan.changed', message, { step: name });
  }
}

/** What the operator orders when a run is resumed. */
export interface Orders {
  readonly skip: readonly string[];
  readonly repeat: readonly string[];
}

/** Throws: request.invalid for a step that is not there, not open, or whose outputs other steps still need. */
export function assertOrders({ skip, repeat }: Orders, plan: readonly PlannedStep[], run: RunState): void {
  const refuse = (message: string): never => {
    throw new AppError('request.invalid', message);
  };
  const open = run.steps.filter(({ progress }) => progress !== 'completed' && progress !== 'skipped');
  for (const [option, names] of [
    ['--skip', skip],
    ['--repeat', repeat],
  ] as const) {
    for (const name of names.filter((each) => !open.some((step) => step.name === each)))
      refuse(`${option} ${name}: run ${run.begun.runId} has no open step of this name`);
  }
  for (const name of skip) {
    const needy = open.find((step) => !skip.includes(step.name) && inputsOf(plan, step.name).includes(name));
    if (needy !== undefined) refuse(`--skip ${name}: step "${needy.name}" needs an output of it`);
  }
  const both = skip.find((name) => repeat.includes(name));
  if (both !== undefined) refuse(`step "${both}" is to be both skipped and repeated`);
}

const inputsOf = (plan: readonly PlannedStep[], name: string): readonly string[] =>
  plan.find((step) => step.name === name)?.inputs ?? [];

/** Why a run does not go on by itself. */
export function toAskError({ begun }: RunState, step: StepState): AppError {
  const { name, use, progress } = step;
  const how =
    progress === 'failed'
      ? `failed (${(step.problem as Problem | null)?.message ?? 'unknown'})`
      : 'was interrupted, and how far it came is unknown';
  const hint = `Look what it did. Then have it done again, \`holdfast recovery resume ${begun.runId} --repeat ${name}\`, or go on without it, \`holdfast recovery resume ${begun.runId} --skip ${name}\`.`;
  return new AppError(
    'plan.not-repeatable',
    `step "${name}" (${use}) ${how}; it may not be repeated by itself`,
    { step: name },
    { hint },
  );
}
