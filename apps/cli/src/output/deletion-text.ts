import type { FreedSpace } from '#common/service/retention/apply-retention.js';
import type { DeletedBackup, DeletionPreview } from '#common/service/retention/delete-backup.js';
import { SAID } from './retention-text.js';
import { toSize } from './sizes.js';
import { toFields } from './table.js';

/** What would go, what needs it, what would be left. */
export function toDeletionText(preview: DeletionPreview): string {
  const { backupId, dataset, repository, state, snapshotAt, objects, sizeBytes, isLastGood, neededBy, refusals } =
    preview;
  const fields = toFields({
    backup: `${backupId} of ${dataset} in ${repository}, ${state}`,
    snapshot: snapshotAt ?? 'unknown',
    'would go': `${objects.length} objects, ${toSize(sizeBytes)}${toFreedText(preview)}`,
    'needed by': neededBy.join('; ') || 'nothing',
    'kept by rules': preview.keptBy.join('; ') || 'none',
    'good ones left': toLeftText(preview),
  });
  const listed = objects.map(({ key, sizeBytes: size }) => `  ${toSize(size).padStart(10)}  ${key}`);
  const command = `holdfast backup delete ${backupId} --yes${isLastGood ? ` --even-last-good ${backupId}` : ''}`;
  const end =
    refusals.length === 0
      ? [`nothing stands in the way: \`${command}\` does it`]
      : [
          ...refusals.map((refusal) => `refused: it is ${refusal}`),
          ...(isLastGood && neededBy.length === 0
            ? [`take another backup first, or name this one twice: \`${command}\``]
            : []),
        ];
  return [fields, '', ...listed, '', ...end].join('\n');
}

function toLeftText({ goodLeft, newestLeft, isLastVerified }: DeletionPreview): string {
  const newest = newestLeft === null ? '' : `, the newest ${newestLeft.id} of ${newestLeft.snapshotAt}`;
  return `${goodLeft}${newest}${isLastVerified ? '; no other is verified by a restore' : ''}`;
}

function toFreedText({ freesSpace }: Pick<DeletionPreview, 'freesSpace'>): string {
  if (freesSpace !== null) return '';
  return '; whether space is freed is unknown: the storage does not say whether it keeps versions';
}

export function toDeletedText({ preview, outcome, problem, freed, notBefore }: DeletedBackup): string {
  const { backupId, dataset } = preview;
  const said =
    notBefore === null ? SAID[outcome] : `marked; a hold saves it until ${notBefore}, and then a sweep deletes it`;
  const lines = [`backup ${backupId} of ${dataset}: ${said}${problem === undefined ? '' : `: ${problem}`}`];
  if (freed !== undefined) lines.push(`${toSize(freed.sizeBytes)} ${toEndText(freed)}`);
  return lines.join('\n');
}

const toEndText = ({ isFreed }: FreedSpace): string =>
  isFreed === true ? 'freed, versions included' : `deleted${toFreedText({ freesSpace: null })}`;
