import type { Manifest } from '#common/contracts/manifest.js';
import { type Proof, weighProofs } from '#common/domain/proof.js';
import type { DeletionRequest, RetainedBackup } from '#common/domain/retention.policy.js';
import type { AppError } from '#common/errors/app-error.js';
import { type Acceptance, readAcceptance } from '#common/repository/acceptance.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { readDeletion } from '#common/repository/deletion-request.js';
import { type Hold, isAlive, listHolds } from '#common/repository/holds.js';
import { type InspectedBackup, inspectListed } from '#common/repository/inspect-backup.js';
import { acceptanceKey, deletionKey } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { readProofs } from '#common/repository/read-proofs.js';
import { readStorageClock } from '#common/repository/storage-clock.js';

/** A backup as retention sees it, from the repository alone. */
export interface Retained {
  readonly manifest: Manifest;
  readonly backup: RetainedBackup;
  /** A sweep has marked it for deletion. */
  readonly isMarked: boolean;
  /** An operator looked at it, where it is suspicious; null of all others. */
  readonly acceptance: Acceptance | null;
  /** Those that lie beside it. */
  readonly proofs: readonly Proof[];
}

export interface RetainedList {
  readonly backups: readonly Retained[];
  /** By the storage's clock, never ahead of it. */
  readonly storageNow: Date;
  /** Ids of backups whose deletion has begun and was cut short. */
  readonly halfDeleted: readonly string[];
  /** Those whose manifest cannot be read or that lost an object, and why: such a backup is neither counted nor deleted. */
  readonly damaged: readonly DamagedBackup[];
}

export interface DamagedBackup {
  readonly backupId: string;
  readonly error: AppError;
  readonly isMarked: boolean;
  /** An operator wants it gone all the same. */
  readonly asked: DeletionRequest | null;
  /** Names of what holds it. */
  readonly holds: readonly string[];
}

/** Every backup of a dataset with what speaks for it and against it: live holds, proofs. Throws: repository.*. */
export async function listRetained(
  repository: BackupRepository,
  dataset: string,
  signal: AbortSignal,
): Promise<RetainedList> {
  const storageNow = await readStorageClock(repository, dataset, { signal });
  const backups: Retained[] = [];
  const halfDeleted: string[] = [];
  const damaged: DamagedBackup[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const found = await inspectListed(repository, { dataset, backupId, objects }, { signal });
    const { manifest, damage, isMarked } = found;
    if (found.isHalfDeleted) halfDeleted.push(backupId);
    if (damage !== undefined) {
      const wishes = await readWishes(repository, { ...found, storageNow }, signal);
      damaged.push({ backupId, error: damage, isMarked, ...wishes });
    }
    if (damage === undefined && manifest !== undefined)
      backups.push(await toRetained(repository, { ...found, manifest, isMarked, storageNow }, signal));
  }
  return { backups, storageNow, halfDeleted, damaged };
}

type Looked = InspectedBackup & { readonly storageNow: Date };
type Found = Looked & { readonly manifest: Manifest };

/** What people and work want of a backup. */
async function readWishes(
  repository: BackupRepository,
  { keys, storageNow, dataset, backupId }: Looked,
  signal: AbortSignal,
): Promise<Pick<RetainedBackup, 'holds' | 'asked'>> {
  const backup = { dataset, backupId };
  const holds = (await listHolds(repository, backup, { signal })).filter((hold) => isAlive(hold, storageNow));
  const isDeletionRequested = keys.includes(deletionKey(dataset, backupId));
  return {
    holds: holds.map(toHoldText),
    asked: isDeletionRequested ? await readDeletion(repository, backup, { signal }) : null,
  };
}

async function toRetained(repository: BackupRepository, found: Found, signal: AbortSignal): Promise<Retained> {
  const { manifest, objects, isMarked } = found;
  const { backupId, method, purpose, needs, requires } = manifest;
  const proofs = await readProofs(repository, { manifest, objects }, { signal });
  const { damage, verifiedAt } = weighProofs(proofs);
  const backup = {
    ...{ id: backupId, method, purpose, takenAt: new Date(manifest.snapshotAt) },
    ...(await readWishes(repository, found, signal)),
    ...{ isVerified: verifiedAt !== null, isDamaged: damage.length > 0 },
    ...{ needs, rollsForward: requires.length > 0, givenUpAs: null },
  };
  const isAccepted = found.keys.includes(acceptanceKey(manifest.dataset, backupId));
  const acceptance = isAccepted ? await readAcceptance(repository, manifest, { signal }) : null;
  return { manifest, backup, isMarked, acceptance, proofs };
}

const toHoldText = ({ name, reason }: Hold): string => (reason === '' ? name : `${name} (${reason})`);
