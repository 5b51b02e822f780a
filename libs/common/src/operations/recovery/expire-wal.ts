import type { Lsn } from '#common/domain/lsn.js';
import { toLsn, toSegmentStart } from '#common/domain/wal.js';
import { decideWalNeeds, isWalNeeded, type WalNeeds, type WalUser } from '#common/domain/wal-needs.policy.js';
import { readHead } from '#common/engines/postgres/pitr/open-archive.js';
import { ArchiveIndex, type StoredWal } from '#common/engines/postgres/wal/archive-index.js';
import { headKey } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import { DEAD_AFTER_MS } from '#common/operations/sweep-attempts.js';
import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';
import {
  datasetPrefix,
  expiringKey,
  findAttemptKey,
  isHoldKey,
  manifestKey,
  sweptKey,
  walPrefix,
} from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { parseManifest } from '#common/repository/manifest-codec.js';
import { isAboutManifest } from '#common/repository/read-backups.js';
import { readObject } from '#common/repository/read-object.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import { unlessLocked } from '#common/repository/unless-locked.js';

const REMOVALS_IN_FLIGHT = 8;

/** What retention has decided about a backup; of one that it does not know, neither is true. */
export type Standing = Pick<WalUser, 'leadsOn' | 'isHeld'>;

export interface WalExpiryOptions {
  readonly dataset: string;
  readonly standingOf: (backupId: string) => Standing;
  /** From then on every instant shall be reachable. Without it: from the oldest backup on. */
  readonly reachFrom?: Date | undefined;
  /** Nothing younger expires. */
  readonly youngMs?: number;
}

/**
 * What of the archived WAL has expired. `unused`: nothing is archived. `waiting`: a backup is being made, and where it begins is not known yet. `blocked`:
 * what is needed cannot be known, and `why` names what is in the way.
 */
export interface WalExpiry {
  readonly state: 'unused' | 'waiting' | 'blocked' | 'decided';
  readonly why: string | null;
  /** One for each cluster that backups are of. */
  readonly needs: readonly WalNeeds[];
  /** What no backup needs, of each timeline oldest first. */
  readonly expired: readonly StoredWal[];
  readonly sizeBytes: number;
}

/** What became of it. */
export interface ExpiredWal extends Pick<WalExpiry, 'state' | 'why'> {
  readonly removed: number;
  readonly removedBytes: number;
  /** What the storage locks; a later sweep's. */
  readonly locked: number;
}

export const NO_WAL: ExpiredWal = { state: 'unused', why: null, removed: 0, removedBytes: 0, locked: 0 };

/**
 * Decides which archived WAL no backup needs; changes nothing. Every backup that has a manifest counts, also one that has expired, is damaged or was
 * made by an attempt that another has followed. Needs no identity. Throws: repository.*.
 */
export async function planWalExpiry(
  repository: BackupRepository,
  { dataset, standingOf, reachFrom, youngMs = DEAD_AFTER_MS }: WalExpiryOptions,
  signal: AbortSignal,
): Promise<WalExpiry> {
  if (!(await hasWal(repository, dataset, signal))) return toExpiry('unused');
  // Before the backups: what is archived meanwhile is young.
  const before = new Date((await readStorageClock(repository, dataset, { signal })).getTime() - youngMs);
  const users: WalUser[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const attempts = attemptsOf(objects);
    if (isBeingMade({ dataset, backupId, objects, attempts }))
      return toExpiry('waiting', `backup ${backupId} is being made`);
    for (const attempt of attempts.filter(({ isMade }) => isMade)) {
      const manifest = await readUser(repository, attempt.attemptKey, signal);
      if (typeof manifest === 'string') return toExpiry('blocked', manifest);
      users.push({ id: backupId, ...manifest, ...standingOf(backupId) });
    }
  }
  const needs = decideWalNeeds(users, reachFrom);
  const expired: StoredWal[] = [];
  for (const own of needs) {
    const found = await findExpired(own, { repository, dataset, before }, signal);
    if (typeof found === 'string') return toExpiry('blocked', found);
    expired.push(...found);
  }
  return {
    ...toExpiry('decided'),
    needs,
    expired,
    sizeBytes: expired.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/**
 * Oldest first, several at a time. Which windows there are is computed from what is there, so that a sweep that is cut short leaves none that is false.
 * May be repeated. Throws: repository.*; the abort reason.
 */
export async function expireWal(
  { state, why, expired }: WalExpiry,
  repository: BackupRepository,
  signal: AbortSignal,
): Promise<ExpiredWal> {
  const tally = { removed: 0, removedBytes: 0, locked: 0 };
  const removing = expired.values();
  const worker = async (): Promise<void> => {
    for (const { key, sizeBytes } of removing) {
      signal.throwIfAborted();
      const isRemoved = await unlessLocked(repository.remove(key, { signal }));
      tally[isRemoved ? 'removed' : 'locked'] += 1;
      if (isRemoved) tally.removedBytes += sizeBytes;
    }
  };
  await Promise.all(Array.from({ length: REMOVALS_IN_FLIGHT }, worker));
  return { state, why, ...tally };
}

async function hasWal(repository: BackupRepository, dataset: string, signal: AbortSignal): Promise<boolean> {
  for await (const _ of repository.list(`${datasetPrefix(dataset)}/wal`, { signal })) return true;
  return false;
}

interface ListedAttempt {
  readonly attemptKey: string;
  readonly isMade: boolean;
  readonly isSwept: boolean;
}

function attemptsOf(objects: readonly StoredObject[]): ListedAttempt[] {
  const keys = new Set(objects.map(({ key }) => key));
  return [...new Set(objects.flatMap(({ key }) => findAttemptKey(key) ?? []))].map((attemptKey) => ({
    ...{ attemptKey, isMade: keys.has(manifestKey(attemptKey)), isSwept: keys.has(sweptKey(attemptKey)) },
  }));
}

interface Listed {
  readonly dataset: string;
  readonly backupId: string;
  readonly objects: readonly StoredObject[];
  readonly attempts: readonly ListedAttempt[];
}

/** It has no manifest yet; before it has stored an object, its hold says so. One whose deletion has begun has none any more. */
function isBeingMade({ dataset, backupId, objects, attempts }: Listed): boolean {
  if (attempts.some(({ isMade }) => isMade)) return false;
  if (objects.some(({ key }) => key === expiringKey(dataset, backupId))) return false;
  return attempts.some(({ isSwept }) => !isSwept) || objects.some(({ key }) => isHoldKey(key));
}

/** Why it cannot be read, if so: then what it needs is unknown. */
async function readUser(
  repository: BackupRepository,
  attemptKey: string,
  signal: AbortSignal,
): Promise<Pick<WalUser, 'takenAt' | 'requires'> | string> {
  try {
    const manifest = parseManifest(await readObject(repository, manifestKey(attemptKey), { signal }));
    const requires = manifest.requires.map(({ startLsn, endLsn, ...range }) => ({
      ...{ ...range, startLsn: startLsn as Lsn, endLsn: endLsn as Lsn },
    }));
    return { takenAt: new Date(manifest.snapshotAt), requires };
  } catch (error) {
    const isGone = error instanceof AppError && error.code === 'repository.object-missing';
    if (isGone || isAboutManifest(error)) return `what ${attemptKey} needs cannot be read: ${error.message}`;
    throw error;
  }
}

interface Looking {
  readonly repository: BackupRepository;
  readonly dataset: string;
  readonly before: Date;
}

async function findExpired(
  needs: WalNeeds,
  { repository, dataset, before }: Looking,
  signal: AbortSignal,
): Promise<StoredWal[] | string> {
  const { systemId } = needs;
  const head = await readHead(headKey(dataset, systemId), repository, signal);
  // A dataset whose WAL is not archived has nothing that could expire.
  if (head === undefined) return [];
  const index = new ArchiveIndex(head.segmentBytes);
  for await (const object of repository.list(walPrefix(dataset, systemId), { signal }))
    if (object.modifiedAt < before) index.add(object);
  const [conflict] = index.conflicts;
  if (conflict !== undefined) return `two clusters have archived different WAL as ${conflict}`;
  return index.objects().flatMap(({ timeline, number, stored }) => {
    const [startLsn, endLsn] = [number, number + 1n].map((at) => toLsn(toSegmentStart(at, head.segmentBytes))) as [
      Lsn,
      Lsn,
    ];
    return isWalNeeded({ systemId, timeline, startLsn, endLsn }, [needs]) ? [] : [stored];
  });
}

const toExpiry = (state: WalExpiry['state'], why: string | null = null): WalExpiry => ({
  ...{ state, why, needs: [], expired: [], sizeBytes: 0 },
});
