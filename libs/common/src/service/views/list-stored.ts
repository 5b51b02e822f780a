import type { BackupCondition, ListedBackupView } from '#common/contracts/api-views.js';
import type { Proof } from '#common/domain/proof.js';
import { loadEngine } from '#common/engines/engines.js';
import { type AppError, toAppError } from '#common/errors/app-error.js';
import { readAcceptance } from '#common/repository/acceptance.js';
import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import { readDeletion } from '#common/repository/deletion-request.js';
import { readExpiry } from '#common/repository/expiry-marker.js';

import { listHolds } from '#common/repository/holds.js';
import { damageOf, type InspectedBackup, inspectListed, toDamaged } from '#common/repository/inspect-backup.js';
import { deletionKey, expiringKey, isHoldKey } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findBrokenNeeds } from '#common/repository/load-backup.js';
import type { ListedBackup } from '#common/repository/read-backups.js';
import { readProofs } from '#common/repository/read-proofs.js';
import { toBackupView } from './backup-view.js';
import { toCondition } from './condition.js';

export interface StoredList {
  /** Newest first. */
  readonly backups: readonly ListedBackupView[];
  /** How many older ones there are. */
  readonly left: number;
}

/**
 * The newest backups of a dataset as its repository shows them, those that were made without a catalog and damaged ones included, each
 * with what speaks for it and against it. Throws: repository.*.
 */
export async function listStored(
  repository: BackupRepository,
  { dataset, limit }: { readonly dataset: string; readonly limit: number },
  o: ReadOptions,
): Promise<StoredList> {
  const newestFirst: ListedBackup[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, o))
    newestFirst.unshift({ dataset, backupId, objects });
  const backups: ListedBackupView[] = [];
  let left = 0;
  for (const listed of newestFirst) {
    if (backups.length >= limit) {
      if (listed.objects.some(({ key }) => key.endsWith('/manifest.json'))) left += 1;
      continue;
    }
    const found = await inspectListed(repository, listed, o);
    if (found.manifest === undefined && found.damage === undefined) continue;
    backups.push(await toListedView(repository, found, o));
  }
  return { backups: markLatest(backups), left };
}

/** One backup as a list shows it. Throws: repository.*. */
export async function toListedView(
  repository: BackupRepository,
  found: InspectedBackup,
  o: ReadOptions,
): Promise<ListedBackupView> {
  const { dataset, backupId: id, manifest, objects } = found;
  const proofs = manifest === undefined ? [] : await readProofs(repository, { manifest, objects }, o);
  const told = manifest === undefined ? UNKNOWN : toBackupView(manifest, repository.name);
  return {
    ...{ ...told, id, dataset, repository: repository.name },
    ...toStoredCondition(proofs, found.damage ?? toUnknown(found) ?? (await findBreak(repository, found, o))),
    suspicion: await readSuspicion(repository, found, o),
    holds: await readHolds(repository, found, o),
    deletion: await readDoom(repository, found, o),
    ...{ isLatest: false, isInCatalog: null },
  };
}

async function readSuspicion(
  repository: BackupRepository,
  { manifest }: InspectedBackup,
  o: ReadOptions,
): Promise<BackupCondition['suspicion']> {
  if (manifest === undefined || manifest.suspicious.length === 0) return null;
  const acceptance = await readAcceptance(repository, manifest, o);
  return { reasons: manifest.suspicious, acceptedBy: acceptance?.by ?? null, acceptReason: acceptance?.reason ?? null };
}

/** No engine here restores it: the program that made it is newer, or another one. */
function toUnknown({ backupId, manifest }: InspectedBackup): AppError | undefined {
  if (manifest === undefined) return undefined;
  try {
    loadEngine(manifest.kind, `backup ${backupId}`);
    return undefined;
  } catch (error) {
    return toAppError(error);
  }
}

/** What it builds on is not whole, so that it is of no use. */
async function findBreak(
  repository: BackupRepository,
  { dataset, backupId, manifest }: InspectedBackup,
  o: ReadOptions,
): Promise<AppError | undefined> {
  const broken = await findBrokenNeeds(
    repository,
    { dataset, needs: manifest?.needs ?? [] },
    { ...o, withProofs: true },
  );
  return broken.length === 0 ? undefined : toDamaged({ dataset, backupId }, broken);
}

const UNKNOWN = {
  ...{ kind: null, method: null, purpose: null, snapshotAt: null, completedAt: null, sizeBytes: null },
  ...{ sourceSizeBytes: null, counts: null, busPosition: null },
};

function toStoredCondition(proofs: readonly Proof[], damage: AppError | undefined): ReturnType<typeof toCondition> {
  if (damage === undefined || !['repository.format', 'backup.unknown-kind'].includes(damage.code))
    return toCondition(proofs, damage === undefined ? [] : damageOf(damage));
  const problem = { object: 'manifest.json', problem: damage.message };
  return { ...toCondition(proofs, [problem]), state: 'unreadable' };
}

/** Of those in force by our clock: a list places nothing in the storage to read its. */
async function readHolds(
  repository: BackupRepository,
  { objects, ...backup }: InspectedBackup,
  o: ReadOptions,
): Promise<NonNullable<BackupCondition['holds']>> {
  if (!objects.some(({ key }) => isHoldKey(key))) return [];
  const now = new Date();
  return (await listHolds(repository, backup, o))
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
    .map(({ name, reason, expiresAt }) => ({ name, reason, until: expiresAt?.toISOString() ?? null }));
}

async function readDoom(
  repository: BackupRepository,
  { dataset, backupId, isMarked, keys }: InspectedBackup,
  o: ReadOptions,
): Promise<BackupCondition['deletion']> {
  const mark = isMarked ? await readExpiry(repository, expiringKey(dataset, backupId), o) : undefined;
  if (mark !== undefined) return { notBefore: mark.lookAt.toISOString(), reasons: mark.reasons };
  if (!keys.includes(deletionKey(dataset, backupId))) return null;
  const asked = await readDeletion(repository, { dataset, backupId }, o);
  return asked === null ? null : { notBefore: null, reasons: [`${asked.by} asked for its deletion`] };
}

/** As `loadLatestBackup` decides: a damaged one that is newer is not passed over, and then none is the latest of its method. */
function markLatest(newestFirst: readonly ListedBackupView[]): ListedBackupView[] {
  const regular = newestFirst.filter(({ purpose }) => purpose !== 'safety');
  const newestOf = (wanted: string | null) => regular.find(({ method }) => method === null || method === wanted);
  return newestFirst.map((backup) => ({
    ...backup,
    isLatest: backup.state === 'whole' && backup === newestOf(backup.method),
  }));
}
