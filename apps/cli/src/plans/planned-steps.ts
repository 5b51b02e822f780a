import { kindOf, PlanStep } from '#common/config/plans/plan-steps.js';
import type { Json } from '#common/domain/json.js';
import { fillReferences, findReferences } from '#common/domain/step-reference.js';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import type { PlannedStep } from '#common/operations/plans/decide-next.js';
import type { StepHead } from '#common/operations/plans/journal-line.js';

/** The steps as decisions know them. */
export const toPlannedSteps = (steps: readonly PlanStep[]): PlannedStep[] =>
  steps.map((step) => ({
    ...{ name: step.name, use: step.use, always: step.always },
    isRepeatable: kindOf(step).isRepeatable(step),
    inputs: findReferences(step).references.flatMap((reference) => ('step' in reference ? reference.step : [])),
  }));

/** What earlier steps brought about, by step and name. */
export type KnownOutputs = (step: string) => Readonly<Record<string, string>>;

/** The step with its inputs put in; `missing` are those that no step has brought about. Throws: request.invalid where an input does not fit. */
export function fillStep(step: PlanStep, runId: string, outputs: KnownOutputs) {
  const missing: string[] = [];
  const filled = fillReferences(step as unknown as Json, (reference) => {
    if ('run' in reference) return runId;
    const known = outputs(reference.step)[reference.output];
    if (known === undefined) missing.push(reference.text);
    return known;
  });
  if (missing.length > 0) return { missing };
  const parsed = PlanStep.safeParse(filled);
  if (parsed.success) return { step: parsed.data, missing };
  const issues = parsed.error.issues.map((issue) => toIssueText(issue, 'the step'));
  throw new AppError('request.invalid', `the inputs of step "${step.name}" do not fit: ${issues.join('; ')}`, {
    issues,
  });
}

/** The steps as journals know them. */
export const toStepHeads = (steps: readonly PlanStep[]): StepHead[] =>
  steps.map(({ name, use, always }) => ({ name, use, always }));
