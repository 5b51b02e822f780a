import { Exit } from '#common/errors/exit.js';
import type { CheckOutcome } from '../checks/check.js';
import type { VerbResult } from '../verb-result.js';

/** What checks found, a line for each, with the next step below those that failed. One that failed fails all. */
export function toCheckResult(outcomes: readonly CheckOutcome[]): VerbResult {
  const isGood = outcomes.every(({ state }) => state !== 'failed');
  return { document: { isGood, checks: outcomes }, text: toLines(outcomes), exit: isGood ? Exit.done : Exit.failed };
}

const mark = { ok: '✓', warning: '!', failed: '✗', skipped: '-' } as const;

const toLines = (outcomes: readonly CheckOutcome[]): string =>
  outcomes
    .flatMap(({ name, state, found, problem }) => [
      `${mark[state]} ${name}: ${found}`,
      ...(problem === null ? [] : [`    ${problem.code}: ${problem.hint}`]),
    ])
    .join('\n');
