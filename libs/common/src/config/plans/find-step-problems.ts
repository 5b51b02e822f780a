import { findReferences, type StepReference } from '#common/domain/step-reference.js';
import { kindOf, type PlanStep } from './plan-steps.js';

export interface StepProblem {
  readonly index: number;
  readonly message: string;
}

/** What is wrong between the steps of a plan. An input comes from a step before, so that no circle of inputs can be written. */
export const findStepProblems = (steps: readonly PlanStep[]): StepProblem[] =>
  steps.flatMap((step, index) => problemsOf(step, index, steps).map((message) => ({ index, message })));

function problemsOf(step: PlanStep, index: number, steps: readonly PlanStep[]): string[] {
  const { references, unreadable } = findReferences(step);
  return [
    ...placeProblems(step, index, steps),
    ...repeatProblems(step),
    ...waitProblems(step),
    ...unreadable.map((text) => `${text} is no reference: write \${steps.NAME.OUTPUT} or \${run.id}`),
    ...references.flatMap((reference) => referenceProblem(reference, { step, index, steps }) ?? []),
  ];
}

function placeProblems({ name, always }: PlanStep, index: number, steps: readonly PlanStep[]): string[] {
  const first = steps.findIndex((other) => other.name === name);
  const isOutOfPlace = !always && steps.slice(0, index).some((other) => other.always);
  return [
    ...(first < index ? [`step ${first + 1} has the name "${name}" already`] : []),
    ...(isOutOfPlace ? [`step "${name}" stands behind one with \`always\`: those stand last`] : []),
  ];
}

function repeatProblems(step: PlanStep): string[] {
  if (kindOf(step).isRepeatable(step)) return [];
  const why = `step "${step.name}" may not be repeated: say \`repeatable: true\` if it may, or leave out`;
  return [
    ...(step.retries === undefined ? [] : [`${why} \`retries\``]),
    ...(step.always ? [`${why} \`always\`, for it runs again when the plan is resumed`] : []),
  ];
}

function waitProblems(step: PlanStep): string[] {
  if (step.use !== 'wait' && step.use !== 'replay') return [];
  const fields = step.use === 'wait' ? (['http', 'tcp', 'forMs'] as const) : (['backup', 'since'] as const);
  const said = fields.filter((field) => (step as Readonly<Record<string, unknown>>)[field] !== undefined);
  return said.length === 1 ? [] : [`step "${step.name}" says exactly one of ${fields.join(', ')}`];
}

interface Place {
  readonly step: PlanStep;
  readonly index: number;
  readonly steps: readonly PlanStep[];
}

function referenceProblem(reference: StepReference, { step, index, steps }: Place): string | undefined {
  if ('run' in reference) return undefined;
  const { text, output } = reference;
  const at = steps.findIndex(({ name }) => name === reference.step);
  const source = steps[at];
  if (source === undefined) return `${text}: there is no step "${reference.step}" in this plan`;
  if (at === index) return `${text}: step "${step.name}" cannot have its own output as an input`;
  if (at > index) return `${text}: step "${reference.step}" comes later; an input comes from a step before`;
  const kind = kindOf(source);
  const outputs = kind.outputs(source);
  if (!outputs.includes(output))
    return `${text}: step "${reference.step}" has no output "${output}"; it has: ${outputs.join(', ') || 'none'}`;
  const isVisible = step.use === 'exec' && findReferences(step.command).references.some((each) => each.text === text);
  if (!isVisible || !kind.hasSecretOutputs) return undefined;
  return `${text} may be a secret, and every user of the machine sees the arguments of a program: put it into \`env\``;
}
