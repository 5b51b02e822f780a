import { type Problem, toProblem } from '#common/errors/app-error.js';

/** One thing that must be right before the night on which it is needed. */
export interface Check {
  /** `dataset shop: every row is visible` */
  readonly name: string;
  /** Resolves with what was found; throws the problem, with its hint. */
  readonly run: () => Promise<string>;
}

export interface CheckOutcome {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly found: string;
  readonly problem: Problem | null;
}

/** Thrown by a check for what works but should not stay. */
export class CheckWarning extends Error {}

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
