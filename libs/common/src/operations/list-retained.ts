import type { Manifest } from '#common/contracts/manifest.js';
import type { RetainedBackup } from '#common/domain/retention.policy.js';
import type { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';
import { type Hold, isAlive, listHolds } from '#common/repository/holds.js';
import { inspectListed } from '#common/repository/inspect-backup.js';
import { expiringKey, verdictsPrefix } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { readObject } from '#common/repository/read-object.js';
import { readStoreClock } from '#common/repository/store-clock.js';

/** A backup as retention sees it, from the repository alone. */
export interface Retained {
  readonly manifest: Manifest;
  readonly backup: RetainedBackup;
  /** A sweep has marked it for deletion. */
  readonly isMarked: boolean;
}

export interface RetainedList {
  readonly backups: readonly Retained[];
  /** By the store's clock, never ahead of it. */
  readonly storeNow: Date;
  /** Ids of backups whose deletion has begun and was cut short. */
  readonly halfDeleted: readonly string[];
  /** Those whose manifest cannot be read or that lost an object, and why: such a backup is neither counted nor deleted. */
  readonly unreadable: readonly { readonly backupId: string; readonly error: AppError }[];
}

/** Every backup of a dataset with what speaks for it: live holds, passed verdicts. Throws: repository.*. */
export async function listRetained(
  repository: BackupRepository,
  dataset: string,
  signal: AbortSignal,
): Promise<RetainedList> {
  const storeNow = await readStoreClock(repository, dataset, { signal });
  const backups: Retained[] = [];
  const halfDeleted: string[] = [];
  const unreadable: { backupId: string; error: AppError }[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const listed = { dataset, backupId, objects };
    const { keys, manifest, damage, isHalfDeleted } = await inspectListed(repository, listed, { signal });
    if (isHalfDeleted) halfDeleted.push(backupId);
    if (damage !== undefined) unreadable.push({ backupId, error: damage });
    if (manifest === undefined) continue;
    const isMarked = keys.includes(expiringKey(dataset, backupId));
    const backup = await toRetained(repository, { manifest, objects, storeNow }, signal);
    backups.push({ manifest, backup, isMarked });
  }
  return { backups, storeNow, halfDeleted, unreadable };
}

interface Found {
  readonly manifest: Manifest;
  readonly objects: readonly StoredObject[];
  readonly storeNow: Date;
}

async function toRetained(
  repository: BackupRepository,
  { manifest, objects, storeNow }: Found,
  signal: AbortSignal,
): Promise<RetainedBackup> {
  const { backupId, dataset, purpose } = manifest;
  const holds = (await listHolds(repository, { dataset, backupId }, { signal })).filter((hold) =>
    isAlive(hold, storeNow),
  );
  return {
    ...{ id: backupId, purpose, takenAt: new Date(manifest.snapshot.takenAt) },
    holds: holds.map(toHoldText),
    isVerified: await hasPassed(repository, { manifest, objects }, signal),
    // A dump stands alone; increments will name what they build on.
    needs: [],
  };
}

const toHoldText = ({ name, reason }: Hold): string => (reason === '' ? name : `${name} (${reason})`);

/** A verdict is kept beside the backup that it is about, so this needs no catalog. */
async function hasPassed(
  repository: BackupRepository,
  { manifest, objects }: Omit<Found, 'storeNow'>,
  signal: AbortSignal,
): Promise<boolean> {
  const folder = `${verdictsPrefix(manifest.dataset, manifest.backupId)}/`;
  const newestFirst = objects.filter(({ key }) => key.startsWith(folder)).reverse();
  for (const { key } of newestFirst) {
    if (readVerdict(await readObject(repository, key, { signal })) === 'passed') return true;
  }
  return false;
}

function readVerdict(bytes: Uint8Array): unknown {
  try {
    return (JSON.parse(Buffer.from(bytes).toString('utf8')) as { verdict?: unknown } | null)?.verdict;
  } catch {
    return undefined;
  }
}
