import type { Manifest } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import {
  type BackupRepository,
  END_OF_TIME,
  type RemovedObject,
  type StoredObject,
} from '#common/repository/backup-repository.js';
import { EXPIRY_GRACE_MS, readExpiry, writeExpiry } from '#common/repository/expiry-marker.js';
import { type HeldBackup, type Hold, isAlive, listHolds } from '#common/repository/holds.js';
import { type InspectedBackup, inspectBackup, listAttemptKeys } from '#common/repository/inspect-backup.js';
import {
  backupPrefix,
  expiringKey,
  findAttemptKey,
  isControlKey,
  manifestKey,
  sweptKey,
} from '#common/repository/layout.js';
import { listObjects } from '#common/repository/read-backups.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import { unlessLocked } from '#common/repository/unless-locked.js';

export interface Expiry extends HeldBackup {
  /** Why no rule keeps it; kept in the mark. */
  readonly reasons: readonly string[];
  /** The catalog holds its expiry, or an operator named it: it goes although it is damaged. */
  readonly evenDamaged?: boolean;
}

export interface ExpireBackupDeps {
  readonly repository: BackupRepository;
  /** Between mark and deletion; longer than a hold of work lives. */
  readonly graceMs?: number;
  /**
   * Called when nothing holds the backup any more and before anything of it is deleted: the catalog stops naming it. False: another run
   * works with it, so nothing of it is deleted. May be called again for the same backup, then perhaps without its manifest.
   */
  readonly onDeleting?: (backup: HeldBackup, manifest: Manifest | undefined) => Promise<boolean>;
  /** Called after each object of the backup, with what its removal gave back. */
  readonly onRemoved?: (removed: RemovedObject) => void;
}

/** `damaged`: marked once, and not whole, though its deletion has not begun; an operator has to look at it. */
export type ExpiryOutcome = 'marked' | 'waiting' | 'held' | 'damaged' | 'deleted';

/**
 * One step on a backup's way out: mark it; once the mark has stood for its grace by the storage's clock, look at holds again, and delete:
 * catalog row, `swept` markers, manifests, objects, what lies beside them, the mark. Before it marks and before it tells the catalog it
 * asks whether the storage will let the backup go. Killed anywhere in between, it is either a whole backup or none, and the next call goes on.
 * Throws: repository.locked for one that a lock of the storage keeps whole; repository.delete-denied, repository.versions-denied;
 * repository.*; what `onDeleting` throws; the abort reason.
 */
export async function expireBackup(
  { reasons, evenDamaged = false, ...backup }: Expiry,
  { repository, graceMs = EXPIRY_GRACE_MS, onDeleting, onRemoved }: ExpireBackupDeps,
  signal: AbortSignal,
): Promise<ExpiryOutcome> {
  const markKey = expiringKey(backup.dataset, backup.backupId);
  const mark = await readExpiry(repository, markKey, { signal });
  const storageNow = await readStorageClock(repository, backup.dataset, { signal });
  if (mark === undefined) {
    if ((await aliveHolds(repository, backup, { storageNow, signal })).length > 0) return 'held';
    const { objects } = await listObjects(repository, backup, { signal });
    await requireFree(repository, { backup, objects, storageNow }, signal);
    await writeExpiry(repository, markKey, { graceMs, reasons, signal });
    return 'marked';
  }
  const found = await inspectBackup(repository, backup, { signal });
  if (found.damage !== undefined && !evenDamaged) return 'damaged';
  if (storageNow < mark.lookAt) return 'waiting';
  const isHeld = (await aliveHolds(repository, backup, { storageNow, signal })).length > 0;
  // Another sweep that saw a hold has taken the mark away: holds may have come since we looked.
  const isMarked = (await repository.stat(markKey, { signal })) !== undefined;
  if (isHeld || !isMarked) return keep(repository, { markKey, found }, signal);
  // What has begun ends as far as locks let it: object by object.
  const objects = found.isHalfDeleted ? [] : found.objects;
  await requireFree(repository, { backup, objects, storageNow }, signal);
  const isFree = onDeleting === undefined || (await onDeleting(backup, found.manifest));
  if (!isFree) return keep(repository, { markKey, found }, signal);
  // What was taken for half deleted goes only as far as it was seen then.
  const seen = found.isHalfDeleted ? found.objects : undefined;
  const doomed = { backup, objects: seen ?? (await listObjects(repository, backup, { signal })).objects };
  await deleteAll(repository, { ...doomed, onRemoved }, signal);
  return 'deleted';
}

interface Kept {
  readonly markKey: string;
  readonly found: InspectedBackup;
}

/** A deletion that has begun is found again by its mark. */
async function keep(repository: BackupRepository, { markKey, found }: Kept, signal: AbortSignal): Promise<'held'> {
  if (found.manifest !== undefined && found.damage === undefined) await repository.remove(markKey, { signal });
  return 'held';
}

/** Takes a mark away before its deletion began: a rule or a hold keeps the backup after all. Idempotent. Throws: repository.*. */
export async function keepAfterAll(
  backup: HeldBackup,
  { repository }: Pick<ExpireBackupDeps, 'repository'>,
  signal: AbortSignal,
): Promise<void> {
  await repository.remove(expiringKey(backup.dataset, backup.backupId), { signal });
}

async function aliveHolds(
  repository: BackupRepository,
  backup: HeldBackup,
  { storageNow, signal }: { readonly storageNow: Date; readonly signal: AbortSignal },
): Promise<Hold[]> {
  return (await listHolds(repository, backup, { signal })).filter((hold) => isAlive(hold, storageNow));
}

interface Doomed {
  readonly backup: HeldBackup;
  readonly objects: readonly StoredObject[];
  readonly storageNow: Date;
  readonly onRemoved?: ExpireBackupDeps['onRemoved'] | undefined;
}

/** The storage lets go of all of it, as far as can be known beforehand. Throws: repository.locked, *-denied. */
async function requireFree(
  repository: BackupRepository,
  { backup: { dataset, backupId }, objects, storageNow }: Doomed,
  signal: AbortSignal,
): Promise<void> {
  await repository.requireRemovable(manifestKey(backupPrefix(dataset, backupId)), { signal });
  if (!(await repository.traits({ signal })).objectLock) return;
  // What is only beside it may be locked for longer: that goes later, by itself.
  for (const { key } of objects.filter((object) => !isControlKey(object.key) && findAttemptKey(object.key))) {
    const lockedUntil = (await repository.stat(key, { signal }))?.lockedUntil ?? null;
    if (lockedUntil === null || lockedUntil <= storageNow) continue;
    const message = `backup ${backupId} of ${dataset} stays whole: ${key} is locked until ${lockedUntil.toISOString()}`;
    throw new AppError('repository.locked', message, {
      dataset,
      backupId,
      key,
      lockedUntil: lockedUntil.toISOString(),
    });
  }
}

/** In an order in which every stop in between leaves either a whole backup or none, and leaves the mark to go on from. */
async function deleteAll(
  repository: BackupRepository,
  { backup, objects, onRemoved }: Omit<Doomed, 'storageNow'>,
  signal: AbortSignal,
): Promise<void> {
  const sizes = new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));
  // Those that make it a backup last: once all are marked, what is left can only be the rest of a deletion.
  const isMade = (attempt: string): boolean => sizes.has(manifestKey(attempt));
  const attempts = listAttemptKeys([...sizes.keys()]).sort((a, b) => Number(isMade(a)) - Number(isMade(b)));
  const first = attempts.map(manifestKey);
  const markers = attempts.map(sweptKey);
  const mark = expiringKey(backup.dataset, backup.backupId);
  for (const key of markers) if (!sizes.has(key)) await repository.put(key, Buffer.alloc(0), { signal });
  const others = [...sizes.keys()].filter((key) => ![...first, ...markers, mark].includes(key));
  const remove = async (key: string): Promise<void> => {
    const removed = await repository.remove(key, { signal });
    if (!isControlKey(key)) onRemoved?.({ ...removed, sizeBytes: removed.sizeBytes ?? sizes.get(key) ?? null });
  };
  for (const step of [first, others]) await removeEach(step, remove);
  // Versions that no listing shows: of attempts that could only hide what they left, of an earlier deletion.
  await repository.removeHidden(backupPrefix(backup.dataset, backup.backupId), END_OF_TIME, { signal });
  for (const step of [markers, [mark]]) await removeEach(step, remove);
}

/** Removes what can be removed. Throws: repository.locked when a lock keeps any of it; repository.*. */
async function removeEach(keys: readonly string[], remove: (key: string) => Promise<void>): Promise<void> {
  const locked: string[] = [];
  for (const key of keys) if (!(await unlessLocked(remove(key)))) locked.push(key);
  const [key] = locked;
  if (key !== undefined)
    throw new AppError('repository.locked', `the storage locks ${locked.length} of its objects, such as ${key}`, {
      key,
    });
}
