import { RecoveryGoal, type RecoveryTarget } from '#common/contracts/recovery-target.js';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import { flag, given, text, wholeNumber } from './options.js';
import type { Options, Verb } from './verb.js';

/** What a recovery is asked for, on the command line. */
export const goalOptions: Verb['options'] = [
  ['--to-time <instant>', 'commits up to an instant with its UTC offset, 2026-03-01T12:00:00+01:00'],
  ['--to-lsn <position>', 'up to a WAL position, 16/B374D848'],
  ['--to-xid <number>', 'up to the commit of one transaction'],
  ['--to-name <name>', 'up to a point that pg_create_restore_point made'],
  ['--immediate', 'only until the base backup is consistent'],
  ['--exclusive', 'just before the target instead of up to it'],
  ['--timeline <number>', 'of several the one to follow; default: the newest'],
  ['--backup <id>', 'the base backup to begin with; default: the newest from which the target can be reached'],
];

/** Without any target: the end of what is archived. Throws: request.invalid. */
export function parseGoal(options: Options): RecoveryGoal {
  const targets: RecoveryTarget[] = [];
  const [at, lsn, xid, name] = ['toTime', 'toLsn', 'toXid', 'toName'].map((option) => text(options, option));
  if (at !== undefined) targets.push({ kind: 'time', at: assertOffset(at) });
  if (lsn !== undefined) targets.push({ kind: 'lsn', lsn: lsn.toUpperCase() });
  if (xid !== undefined) targets.push({ kind: 'xid', xid });
  if (name !== undefined) targets.push({ kind: 'name', name });
  if (flag(options, 'immediate')) targets.push({ kind: 'immediate' });
  if (targets.length > 1) throw new AppError('request.invalid', 'a recovery has one target, and several are named');
  const [target = { kind: 'latest' as const }] = targets;
  const inclusive = !flag(options, 'exclusive');
  const goal = RecoveryGoal.safeParse({ target, inclusive, ...given({ timeline: wholeNumber(options, 'timeline') }) });
  if (goal.success) return goal.data;
  throw new AppError('request.invalid', goal.error.issues.map((issue) => toIssueText(issue, 'target')).join('; '));
}

function assertOffset(instant: string): string {
  if (/(?:Z|[+-]\d\d:\d\d)$/.test(instant)) return instant;
  const read = new Date(instant);
  const said = Number.isNaN(read.getTime()) ? '' : `; here it would be ${read.toISOString()}`;
  const message = `--to-time "${instant}" says no UTC offset${said}`;
  const hint = 'Write the offset of the clock that you read the time from: 2026-03-01T12:00:00+01:00, or Z for UTC.';
  throw new AppError('request.invalid', message, {}, { hint });
}
