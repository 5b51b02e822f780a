import { AppError, type Problem } from './app-error.js';
import { type Code, Codes } from './codes.js';
import { Exit, type ExitCode } from './exit.js';
import { toShortList } from './printable.js';

/** Why work is not begun, found out before any of it: a plan lists these, and a run throws them. The most important reason is the first. */
export type Refusals = readonly Problem<Code>[];

const KEPT = 50;

/** `subject` begins the message: `target "staging"`. Throws: the code of the first refusal, with the reasons of all. */
export function assertNotRefused(refusals: Refusals, subject?: string): void {
  const [first] = refusals;
  if (first === undefined) return;
  const reasons = refusals.map(({ message }) => message);
  const message = `${subject === undefined ? '' : `${subject}: `}${toShortList(reasons, { separator: '; ' })}`;
  const context = { ...first.context, refusals: reasons.slice(0, KEPT) };
  throw new AppError(first.code, message, context, { hint: first.hint });
}

/** How a plan with these refusals exits: as the run does that throws them. */
export const exitOfRefusals = ([first]: Refusals): ExitCode =>
  first === undefined ? Exit.done : Codes[first.code].exit;

/** The last lines of a plan. */
export const toRefusalLines = (refusals: Refusals): string[] =>
  refusals.length === 0
    ? ['nothing stands in the way']
    : refusals.map(({ message, hint }) => `refused: ${message}. ${hint}`);
