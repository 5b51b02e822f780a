import { type Check, CheckWarning } from '#common/engines/check.js';
import { type Problem, toProblem } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';

export interface CheckOutcome {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly found: string;
  readonly problem: Problem | null;
}

const UNCONNECTED: ReadonlySet<string> = new Set<Code>([
  ...(['postgres.unreachable', 'postgres.auth', 'postgres.busy', 'postgres.tls', 'postgres.database-missing'] as const),
  ...(['bus.unavailable', 'repository.unavailable', 'repository.denied', 'repository.missing'] as const),
  'repository.delete-denied',
]);

/** All checks, one after another; those that could only say once more that there is no connection are skipped. */
export async function runChecks(checks: readonly Check[]): Promise<CheckOutcome[]> {
  const outcomes: CheckOutcome[] = [];
  const cutOff = new Set<string>();
  for (const check of checks) {
    const { name, needs = [] } = check;
    const failed = needs.filter((need) => cutOff.has(need));
    if (failed.length > 0) {
      outcomes.push({ name, state: 'skipped', found: `not tried, for ${failed.join(' and ')} failed`, problem: null });
      continue;
    }
    const outcome = await runCheck(check);
    if (UNCONNECTED.has(outcome.problem?.code ?? '')) cutOff.add(name);
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Checks do not stop each other: an operator wants to see all that is wrong at once. */
export async function runCheck({ name, run }: Check): Promise<CheckOutcome> {
  try {
    return { name, state: 'ok', found: await run(), problem: null };
  } catch (error) {
    if (error instanceof CheckWarning) return { name, state: 'warning', found: error.message, problem: null };
    const problem = toProblem(error);
    return { name, state: 'failed', found: problem.message, problem };
  }
}
