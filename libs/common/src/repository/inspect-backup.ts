import type { Manifest } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import type { HeldBackup } from './holds.js';
import { backupPrefix, expiringKey, findAttemptKey, manifestKey, sweptKey } from './layout.js';
import { findBackupAmong } from './read-backups.js';

/** What one listing shows of a backup. */
export interface InspectedBackup {
  readonly keys: readonly string[];
  /** Undefined when no attempt is whole. */
  readonly manifest: Manifest | undefined;
  /** Its deletion was told and has begun: it can only be finished. */
  readonly isHalfDeleted: boolean;
  /** It has a manifest that nobody took back, and lost an object, or this listing does not show it: nothing to delete. */
  readonly isDamaged: boolean;
}

/** Throws: repository.*, backup.corrupt, repository.format. */
export async function inspectBackup(
  repository: BackupRepository,
  backup: HeldBackup,
  o: ReadOptions,
): Promise<InspectedBackup> {
  const objects: StoredObject[] = [];
  for await (const object of repository.list(backupPrefix(backup.dataset, backup.backupId), o)) objects.push(object);
  const keys = objects.map(({ key }) => key);
  const manifest = await findBackupAmong(repository, { ...backup, objects }, o);
  const isMarked = keys.includes(expiringKey(backup.dataset, backup.backupId));
  const isHalfDeleted = manifest === undefined && isMarked && listAttemptKeys(keys).every(isSweptAmong(keys));
  const isMade = listAttemptKeys(keys).some((key) => keys.includes(manifestKey(key)) && !isSweptAmong(keys)(key));
  return { keys, manifest, isHalfDeleted, isDamaged: manifest === undefined && !isHalfDeleted && (isMade || isMarked) };
}

/** A deletion marks every attempt before it takes the first object, and takes the markers last; a listing may be short, so all must show. */
const isSweptAmong = (keys: readonly string[]) => (attemptKey: string) => keys.includes(sweptKey(attemptKey));

export const listAttemptKeys = (keys: readonly string[]): string[] => [
  ...new Set(keys.flatMap((key) => findAttemptKey(key) ?? [])),
];

export const toDamage = ({ dataset, backupId }: HeldBackup): AppError =>
  new AppError('backup.corrupt', `backup ${backupId} of ${dataset} has lost an object`, { dataset, backupId });
