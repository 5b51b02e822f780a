import type { BackupCondition } from '#common/contracts/api-views.js';
import { toDamageText } from '#common/domain/proof.js';

type Verdict = BackupCondition['lastVerdict'];

/** `whole`, or what it is instead, with the objects. */
export const toStateText = ({ state, damage }: Pick<BackupCondition, 'state' | 'damage'>): string =>
  state === 'whole' ? state : `${state}: ${toDamageText(damage)}`;

/** `passed 2026-11-27T02:10:00.000Z (restore)` */
export const toLastVerdictText = (last: Verdict): string =>
  last === null ? 'none' : `${last.verdict} ${last.provenAt} (${last.of === 'restore' ? 'restore' : 'sums only'})`;

/** What keeps it, what is about to delete it, and who knows of it. */
export const toMarkTexts = ({ holds, deletion, isLatest, isInCatalog, suspicion }: BackupCondition): string[] => [
  ...(suspicion === null ? [] : [toSuspicionText(suspicion)]),
  ...(isLatest ? ['latest'] : []),
  ...(holds ?? []).map(({ name, until }) => `held by ${name}${until === null ? '' : ` until ${until}`}`),
  ...(deletion === null ? [] : [toDeletionText(deletion.notBefore)]),
  ...(isInCatalog === false ? ['not in the catalog'] : []),
];

const toSuspicionText = ({ reasons, acceptedBy, acceptReason }: NonNullable<BackupCondition['suspicion']>): string =>
  acceptedBy === null
    ? `SUSPICIOUS: ${reasons.join(', ')}`
    : `accepted by ${acceptedBy} (${acceptReason ?? ''}): ${reasons.join(', ')}`;

const toDeletionText = (notBefore: string | null): string =>
  notBefore === null ? 'its deletion is asked for' : `marked for deletion, not before ${notBefore}`;
