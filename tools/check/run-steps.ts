import type { Step, StepResult } from './steps.js';

export interface NamedResult extends StepResult {
  readonly name: string;
}

/** Runs all steps, at most two at a time, and tells of each as it ends. A failure does not stop the others. */
export async function runSteps(
  steps: readonly Step[],
  signal: AbortSignal,
  onEnd: (result: NamedResult) => void,
): Promise<NamedResult[]> {
  const waiting = [...steps];
  const results: NamedResult[] = [];
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined && !signal.aborted; step = waiting.shift()) {
      const result = { name: step.name, ...(await step.run(signal)) };
      results.push(result);
      onEnd(result);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}

/** One line for a step that passed; what it printed as well when it failed. */
export function describeStep({ name, isOk, durationMs, output }: NamedResult): string {
  const line = `  ${name.padEnd(8)} ${isOk ? 'ok    ' : 'FAILED'} ${(durationMs / 1000).toFixed(1).padStart(5)} s`;
  return isOk ? line : `${line}\n${output.trimEnd().replaceAll(/^/gm, '    ')}`;
}
