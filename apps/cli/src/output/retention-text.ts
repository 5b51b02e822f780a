import type { AppliedRetention } from '#common/service/retention/apply-retention.js';
import type { RetentionPreview, WalPreview } from '#common/service/retention/plan-retention.js';
import { toSize } from './sizes.js';
import { toTable } from './table.js';

/** What would become of every backup, with the reason for each. */
export function toPlanText(plan: RetentionPreview): string {
  const expired = plan.backups.filter(({ isKept }) => !isKept);
  const freed = expired.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const counts = `${plan.dataset} in ${plan.repository}: ${plan.backups.length - expired.length} kept, ${expired.length} expired (${toSize(freed)})`;
  const table = toTable(
    ['id', 'method', 'snapshot', 'stored', 'purpose', 'outcome', 'because'],
    plan.backups.map(({ id, method, snapshotAt, sizeBytes, purpose, isKept, isMarked, reasons }) => [
      ...[id, method, snapshotAt, toSize(sizeBytes), purpose],
      isKept ? 'kept' : `expired${isMarked ? ', marked' : ''}`,
      reasons.join('; '),
    ]),
  );
  return [counts, table, ...toWarnings(plan)].join('\n');
}

function* toWarnings({ refusals, halfDeleted, damaged, cap, backups, wal }: RetentionPreview): Generator<string> {
  const expired = backups.filter(({ isKept }) => !isKept).length;
  for (const { method, reason } of refusals) yield `nothing made by ${method} expires: ${reason}`;
  if (expired > cap) yield `one sweep marks ${cap} and deletes ${cap}, the oldest first`;
  for (const id of halfDeleted) yield `${id}: its deletion was cut short, the next sweep finishes it`;
  for (const { id, problem } of damaged)
    yield `neither counted nor deleted: ${problem}; \`holdfast backup delete ${id}\` removes it`;
  if (wal.state !== 'unused') yield toWalText(wal);
}

/** What is archived that no backup needs, and from where on all of it stays. */
export function toWalText({ state, why, needs, expired, sizeBytes }: WalPreview): string {
  if (state !== 'decided' || needs.length === 0)
    return `no archived WAL expires: ${why ?? 'there is none, or no backup that would need it'}`;
  const kept = needs.map(
    ({ systemId, from, fromBackup }) => `${from} on for backup ${fromBackup} (cluster ${systemId})`,
  );
  return `archived WAL that no backup needs: ${expired} objects, ${toSize(sizeBytes)}; kept from ${kept.join(', ')}`;
}

export const SAID = {
  marked: 'marked; a later sweep deletes it unless a hold is placed',
  waiting: 'marked before, its grace is not over',
  held: 'held, stays',
  damaged: 'is not whole, though its deletion has not begun: nothing is deleted; look at it',
  deleted: 'deleted',
  kept: 'kept after all, its mark is gone',
  locked: 'a lock of the storage keeps it; a later sweep goes on',
  failed: 'cannot be deleted',
} as const;

export function toAppliedText({
  dataset,
  refusals,
  backups,
  left,
  isSpaceFreed,
  freedBytes,
  swept,
  unfinished,
  content,
  wal,
}: AppliedRetention): string {
  const lines = [`${dataset}: ${backups.length} backups touched`];
  for (const { method, reason } of refusals) lines.push(`nothing made by ${method} expires: ${reason}`);
  lines.push(
    ...backups.map(
      ({ id, outcome, problem }) => `  ${id}  ${SAID[outcome]}${problem === undefined ? '' : `: ${problem}`}`,
    ),
  );
  if (isSpaceFreed === true) lines.push(`  ${toSize(freedBytes)} freed, versions included`);
  if (isSpaceFreed === null && backups.some(({ outcome }) => outcome === 'deleted'))
    lines.push('  whether space was freed is unknown: the storage does not say whether it keeps versions');
  if (left > 0) lines.push(`  ${left} more expired: for the next sweep`);
  lines.push(...swept.map((attempt) => `  swept the dead attempt ${attempt}`));
  if (unfinished > 0) lines.push(`  gave back ${unfinished} unfinished uploads`);
  lines.push(...toContentLines(content), ...toWalLines(wal));
  return lines.join('\n');
}

function toContentLines({ state, why, removed, removedBytes, locked }: AppliedRetention['content']): string[] {
  const lines = state === 'blocked' ? [`  no shared object is deleted: ${why ?? state}`] : [];
  if (removed > 0) lines.push(`  deleted ${removed} shared objects that no backup needs: ${toSize(removedBytes)}`);
  if (locked > 0) lines.push(`  ${locked} more are locked by the storage; a later sweep goes on`);
  return lines;
}

export function toWalLines({ state, why, removed, removedBytes, locked }: AppliedRetention['wal']): string[] {
  const lines = state === 'blocked' ? [`  no archived WAL is deleted: ${why ?? state}`] : [];
  if (removed > 0)
    lines.push(`  deleted ${removed} objects of archived WAL that no backup needs: ${toSize(removedBytes)}`);
  if (locked > 0) lines.push(`  ${locked} more of archived WAL are locked by the storage; a later sweep goes on`);
  return lines;
}
