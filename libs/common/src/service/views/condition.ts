import type { BackupCopy } from '#common/catalog/entities/backup.entity.js';
import type { Suspicion } from '#common/catalog/entities/suspicion.entity.js';
import type { BackupCondition, ListedBackupView, ToldBackupView } from '#common/contracts/api-views.js';
import { type Damage, type Proof, weighProofs } from '#common/domain/proof.js';

type Weighed = Pick<BackupCondition, 'state' | 'damage' | 'lastVerdict' | 'verifiedAt'>;

/** What was lost comes before what proofs found: it is seen at every look. */
export function toCondition(proofs: readonly Proof[], lost: readonly Damage[]): Weighed {
  const { damage: proven, verifiedAt, last } = weighProofs(proofs);
  const damage = [...lost, ...proven];
  const isWhole = damage.length === 0;
  return {
    ...{ state: isWhole ? 'whole' : 'damaged', damage, lastVerdict: toLastVerdict(last) },
    verifiedAt: isWhole ? (verifiedAt?.toISOString() ?? null) : null,
  };
}

/** As the catalog knows it: what lies beside the backup in its repository, holds and marks, is not known there. */
export const toKnownView = (
  view: ToldBackupView,
  { damage }: BackupCopy,
  proofs: readonly Proof[],
  suspicion?: Suspicion,
): ListedBackupView => ({
  ...view,
  ...toCondition(proofs, damage?.lost ?? []),
  suspicion: suspicion === undefined ? null : toSuspicion(suspicion),
  ...{ holds: null, deletion: null, isLatest: false, isInCatalog: true },
});

const toSuspicion = ({ reasons, acceptedBy, acceptReason }: Suspicion): BackupCondition['suspicion'] => ({
  ...{ reasons, acceptedBy, acceptReason },
});

const toLastVerdict = (last: Proof | undefined): BackupCondition['lastVerdict'] =>
  last === undefined
    ? null
    : {
        ...{ verdict: last.verdict, provenAt: last.provenAt.toISOString() },
        of: last.restore === null ? 'objects' : 'restore',
      };
