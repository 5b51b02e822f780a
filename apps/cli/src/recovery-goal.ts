import { assertOffset, RecoveryGoal, type RecoveryTarget } from '#common/contracts/recovery-target.js';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import { flag, given, text, wholeNumber } from './options.js';
import type { Options, Verb } from './verb.js';

/** Up to where archived changes are replayed, on the command line. */
export const targetOptions: Verb['options'] = [
  ['--to-time <instant>', 'commits up to an instant with its UTC offset, 2026-03-01T12:00:00+01:00'],
  ['--to-lsn <position>', 'up to a WAL position, 16/B374D848'],
  ['--to-xid <number>', 'up to the commit of one transaction'],
  ['--to-name <name>', 'up to a point that pg_create_restore_point made'],
  ['--to-latest', 'to the end of what is archived'],
  ['--immediate', 'only until the base backup is consistent'],
  ['--exclusive', 'just before the target instead of up to it'],
  ['--timeline <number>', 'of several the one to follow; default: the newest'],
];

/** What a recovery is asked for. */
export const goalOptions: Verb['options'] = [
  ...targetOptions,
  ['--backup <id>', 'the base backup to begin with; default: the newest from which the target can be reached'],
];

/** Without any target: the end of what is archived. Throws: request.invalid. */
export const parseGoal = (options: Options): RecoveryGoal => findGoal(options) ?? toGoal({ kind: 'latest' }, options);

/** Undefined where no target is named. Throws: request.invalid. */
export function findGoal(options: Options): RecoveryGoal | undefined {
  const targets: RecoveryTarget[] = [];
  const [at, lsn, xid, name] = ['toTime', 'toLsn', 'toXid', 'toName'].map((option) => text(options, option));
  if (at !== undefined) targets.push({ kind: 'time', at: assertOffset(at) });
  if (lsn !== undefined) targets.push({ kind: 'lsn', lsn: lsn.toUpperCase() });
  if (xid !== undefined) targets.push({ kind: 'xid', xid });
  if (name !== undefined) targets.push({ kind: 'name', name });
  if (flag(options, 'toLatest')) targets.push({ kind: 'latest' });
  if (flag(options, 'immediate')) targets.push({ kind: 'immediate' });
  if (targets.length > 1) throw new AppError('request.invalid', 'a recovery has one target, and several are named');
  const [target] = targets;
  return target && toGoal(target, options);
}

/** Throws: request.invalid. */
function toGoal(target: RecoveryTarget, options: Options): RecoveryGoal {
  const inclusive = !flag(options, 'exclusive');
  const goal = RecoveryGoal.safeParse({ target, inclusive, ...given({ timeline: wholeNumber(options, 'timeline') }) });
  if (goal.success) return goal.data;
  throw new AppError('request.invalid', goal.error.issues.map((issue) => toIssueText(issue, 'target')).join('; '));
}
