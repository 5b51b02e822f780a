import { type BackupRepository, END_OF_TIME, type StoredObject } from '#common/repository/backup-repository.js';
import { type Hold, isAlive, listHolds, releaseHold } from '#common/repository/holds.js';
import { findAttemptKey, isHoldKey, manifestKey, sweptKey } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { readStorageClock, removeOldClocks } from '#common/repository/storage-clock.js';
import { unlessLocked } from '#common/repository/unless-locked.js';

/** Nothing younger is touched: an attempt that writes so slowly that a day passes between two objects is taken for dead. */
export const DEAD_AFTER_MS = 24 * 3_600_000;

/** An upload shows no object before it ends, and a huge dump is one upload. */
export const UPLOAD_DEAD_AFTER_MS = 7 * 24 * 3_600_000;

export interface SweepOptions {
  readonly dataset: string;
  readonly deadAfterMs?: number;
  readonly uploadDeadAfterMs?: number;
  /** A backup of the dataset is being made: its upload may be the old one. Elsewhere a hold says so. */
  readonly hasWriter?: boolean;
  /** The attempt that the catalog names, and those of a run that is still open. */
  readonly isProtected?: (attempt: { readonly backupId: string; readonly attemptKey: string }) => boolean;
}

export interface SweepResult {
  /** Prefixes of attempts whose objects were removed. */
  readonly swept: readonly string[];
  /** Multipart uploads and temporary files that were given back. */
  readonly unfinished: number;
}

interface DeadAttempt {
  readonly attemptKey: string;
  readonly keys: readonly string[];
}

/**
 * Removes what dead attempts left: they have no manifest, nothing of them is young, nothing holds their backup. Holds that outlived
 * their work go as well. The `swept` marker
 * comes first and stays for as long as an attempt may be frozen, so that a manifest written late makes no backup. What a lock of the
 * storage keeps is left to a later sweep. Throws: repository.*.
 */
export async function sweepAttempts(
  repository: BackupRepository,
  { dataset, deadAfterMs = DEAD_AFTER_MS, isProtected = () => false, ...uploads }: SweepOptions,
  signal: AbortSignal,
): Promise<SweepResult> {
  const storageNow = await readStorageClock(repository, dataset, { signal });
  const before = new Date(storageNow.getTime() - deadAfterMs);
  const swept: string[] = [];
  let hasHeldWriter = false;
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const listed = { dataset, backupId, objects };
    const holds = await findHolds(repository, listed, signal);
    const isHeld = holds.some((hold) => isAlive(hold, storageNow));
    hasHeldWriter ||= isHeld && !objects.some(({ key }) => key.endsWith('/manifest.json'));
    for (const { name } of holds.filter((hold) => !isAlive(hold, before)))
      await releaseHold(repository, { dataset, backupId, name }, { signal });
    if (isHeld) continue;
    const dead = findDead({ ...listed, before }).filter(({ attemptKey }) => !isProtected({ backupId, attemptKey }));
    const [first] = dead;
    // A marker that cannot be followed would hide an attempt that may still end well.
    if (first !== undefined) await repository.requireRemovable(manifestKey(first.attemptKey), { signal });
    for (const attempt of dead) if (await sweep(repository, attempt, signal)) swept.push(attempt.attemptKey);
  }
  await removeOldClocks(repository, { dataset, before }, { signal });
  if (uploads.hasWriter || hasHeldWriter) return { swept, unfinished: 0 };
  return { swept, unfinished: await giveBackUploads(repository, { dataset, storageNow, ...uploads }, signal) };
}

async function giveBackUploads(
  repository: BackupRepository,
  { dataset, storageNow, uploadDeadAfterMs = UPLOAD_DEAD_AFTER_MS }: SweepOptions & { storageNow: Date },
  signal: AbortSignal,
): Promise<number> {
  return repository.abortUnfinished(dataset, new Date(storageNow.getTime() - uploadDeadAfterMs), { signal });
}

interface Listed {
  readonly dataset: string;
  readonly backupId: string;
  readonly objects: readonly StoredObject[];
}

function findDead({ objects, before }: Listed & { readonly before: Date }): DeadAttempt[] {
  const dead: DeadAttempt[] = [];
  for (const [attemptKey, own] of Map.groupBy(objects, ({ key }) => findAttemptKey(key))) {
    if (attemptKey === undefined || own.some(({ modifiedAt }) => modifiedAt >= before)) continue;
    const keys = own.map(({ key }) => key);
    // What has a manifest and lost an object is damage: to be seen, not tidied away.
    const isDead = keys.includes(sweptKey(attemptKey)) || !keys.includes(manifestKey(attemptKey));
    if (isDead) dead.push({ attemptKey, keys });
  }
  return dead;
}

/** Asked of the storage only where the listing shows any. */
async function findHolds(
  repository: BackupRepository,
  { dataset, backupId, objects }: Listed,
  signal: AbortSignal,
): Promise<Hold[]> {
  if (!objects.some(({ key }) => isHoldKey(key))) return [];
  return listHolds(repository, { dataset, backupId }, { signal });
}

async function sweep(
  repository: BackupRepository,
  { attemptKey, keys }: DeadAttempt,
  signal: AbortSignal,
): Promise<boolean> {
  const [marker, manifest] = [sweptKey(attemptKey), manifestKey(attemptKey)];
  const objects = keys.filter((key) => key !== marker && key !== manifest);
  if (!keys.includes(marker)) {
    await repository.put(marker, Buffer.alloc(0), { signal });
    // A manifest that is there now may have come before the marker: the backup exists, and all of it is still there.
    if ((await repository.stat(manifest, { signal })) !== undefined) {
      await repository.remove(marker, { signal });
      return false;
    }
  }
  for (const key of [manifest, ...objects]) if (!(await unlessLocked(repository.remove(key, { signal })))) return false;
  // An old marker with nothing left to guard has done its work.
  if (keys.length === 1 && keys[0] === marker) {
    await repository.removeHidden(attemptKey, END_OF_TIME, { signal });
    await repository.remove(marker, { signal });
  }
  return objects.length > 0;
}
