import type { Manifest } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import type { HeldBackup } from './holds.js';
import { backupPrefix, expiringKey, findAttemptKey, manifestKey, sweptKey } from './layout.js';
import { findBackupAmong, isAboutManifest } from './read-backups.js';

/** What one listing shows of a backup. */
export interface InspectedBackup {
  readonly keys: readonly string[];
  /** Undefined when no attempt is whole. */
  readonly manifest: Manifest | undefined;
  /** Its deletion was told and has begun: it can only be finished. */
  readonly isHalfDeleted: boolean;
  /** Its manifest cannot be read; or nobody took it back, and an object is lost, or this listing does not show it: nothing to delete. */
  readonly damage: AppError | undefined;
}

/** Throws: repository.*. */
export async function inspectBackup(
  repository: BackupRepository,
  backup: HeldBackup,
  o: ReadOptions,
): Promise<InspectedBackup> {
  const objects: StoredObject[] = [];
  for await (const object of repository.list(backupPrefix(backup.dataset, backup.backupId), o)) objects.push(object);
  return inspectListed(repository, { ...backup, objects }, o);
}

/** The same, when everything below the backup's prefix has been listed already. */
export async function inspectListed(
  repository: BackupRepository,
  { objects, ...backup }: HeldBackup & { readonly objects: readonly StoredObject[] },
  o: ReadOptions,
): Promise<InspectedBackup> {
  const keys = objects.map(({ key }) => key);
  const { manifest, unreadable } = await findBackupAmong(repository, { ...backup, objects }, o).then(
    (found) => ({ manifest: found, unreadable: undefined }),
    toUnreadable,
  );
  if (manifest !== undefined) return { keys, manifest, isHalfDeleted: false, damage: undefined };
  const isMarked = keys.includes(expiringKey(backup.dataset, backup.backupId));
  const isHalfDeleted = isMarked && listAttemptKeys(keys).every(isSweptAmong(keys));
  const isMade = listAttemptKeys(keys).some((key) => keys.includes(manifestKey(key)) && !isSweptAmong(keys)(key));
  const isDamaged = !isHalfDeleted && (isMade || isMarked);
  return { keys, manifest, isHalfDeleted, damage: unreadable ?? (isDamaged ? toDamage(backup) : undefined) };
}

function toUnreadable(error: unknown): { manifest: undefined; unreadable: AppError } {
  if (!isAboutManifest(error)) throw error;
  return { manifest: undefined, unreadable: error };
}

/** A deletion marks every attempt before it takes the first object, and takes the markers last; a listing may be short, so all must show. */
const isSweptAmong = (keys: readonly string[]) => (attemptKey: string) => keys.includes(sweptKey(attemptKey));

export const listAttemptKeys = (keys: readonly string[]): string[] => [
  ...new Set(keys.flatMap((key) => findAttemptKey(key) ?? [])),
];

const toDamage = ({ dataset, backupId }: HeldBackup): AppError =>
  new AppError('backup.corrupt', `backup ${backupId} of ${dataset} has lost an object`, { dataset, backupId });
