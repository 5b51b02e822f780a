import { z } from 'zod';
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
