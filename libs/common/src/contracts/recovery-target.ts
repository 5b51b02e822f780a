import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import { TimelineId } from './base-facts.js';
import { Instant, LsnText } from './names.js';

/** To what a cluster is recovered. */
export const RecoveryTarget = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('latest') }).describe('The end of what is archived'),
  z.object({ kind: z.literal('immediate') }).describe('As soon as the base backup is consistent'),
  z.object({ kind: z.literal('time'), at: Instant }).describe('Commits up to an instant'),
  z.object({ kind: z.literal('lsn'), lsn: LsnText }),
  z
    .object({ kind: z.literal('xid'), xid: z.string().regex(/^\d{1,10}$/) })
    .describe('Up to the commit of one transaction'),
  z
    .object({ kind: z.literal('name'), name: z.string().min(1).max(63) })
    .describe('A point that pg_create_restore_point made'),
]);
export type RecoveryTarget = z.infer<typeof RecoveryTarget>;

export const RecoveryGoal = z.object({
  target: RecoveryTarget,
  inclusive: z.boolean().default(true).describe('Whether what lies exactly at the target comes back as well'),
  timeline: TimelineId.optional().describe('Default: the newest that the archive knows and the base backup leads to'),
});
export type RecoveryGoal = z.infer<typeof RecoveryGoal>;

/**
 * What a request asks for; it is answered, and not buried as unreadable, when it says an instant without an offset. Undefined stays undefined.
 * Throws: request.invalid.
 */
export function readGoal(asked: unknown): RecoveryGoal | undefined {
  const goal = RecoveryGoal.optional().safeParse(asked);
  if (goal.success) return goal.data;
  const at = (asked as { target?: { at?: unknown } } | null)?.target?.at;
  if (typeof at === 'string') assertOffset(at);
  throw new AppError('request.invalid', goal.error.issues.map((issue) => toIssueText(issue, 'recovery')).join('; '));
}

/** A time without an offset is another instant on every machine. Throws: request.invalid. */
export function assertOffset(instant: string): string {
  if (/(?:Z|[+-]\d\d:\d\d)$/.test(instant)) return instant;
  const read = new Date(instant);
  const said = Number.isNaN(read.getTime()) ? '' : `; here it would be ${read.toISOString()}`;
  const message = `the time "${instant}" says no UTC offset${said}`;
  const hint = 'Write the offset of the clock that you read the time from: 2026-03-01T12:00:00+01:00, or Z for UTC.';
  throw new AppError('request.invalid', message, {}, { hint });
}

/** What a recovery reached, as the server tells. */
export const Recovered = z.object({
  lsn: LsnText.describe('The WAL position that was reached'),
  lastCommitAt: Instant.nullable().describe('Of the last transaction that came back; null: none was replayed'),
  timeline: TimelineId.describe('On which it goes on, one that the archive does not have'),
  isOpenForWriting: z.boolean(),
});
export type Recovered = z.infer<typeof Recovered>;

/** `before time 2026-03-01T12:00:00Z`: for people. */
export function describeTarget({ target, inclusive }: RecoveryGoal): string {
  const end = inclusive ? 'up to' : 'just before';
  if (target.kind === 'latest') return 'to the end of what is archived';
  if (target.kind === 'immediate') return 'to where the base backup is consistent';
  if (target.kind === 'time') return `${end} ${target.at}`;
  if (target.kind === 'lsn') return `${end} WAL position ${target.lsn}`;
  if (target.kind === 'xid') return `${end} transaction ${target.xid}`;
  return `${end} restore point "${target.name}"`;
}
