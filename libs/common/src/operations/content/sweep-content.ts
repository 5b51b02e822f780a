import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writerMarkOf } from '#common/contracts/shared-ref.js';
import { AppError } from '#common/errors/app-error.js';
import { DEAD_AFTER_MS } from '#common/operations/sweep-attempts.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { contentKey, contentPrefix, contentSweptKey, manifestKey } from '#common/repository/layout.js';
import { parseManifest } from '#common/repository/manifest-codec.js';
import { readObject } from '#common/repository/read-object.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import { unlessLocked } from '#common/repository/unless-locked.js';
import { readReferences } from './references.js';
import { listSharingAttempts, type SharingAttempt } from './sharing-attempts.js';
import { readSharingMark } from './sharing-mark.js';
import { listContent, type StoredContent } from './stored-content.js';
import { UnreferencedList } from './unreferenced.js';

/** Reading the references of every backup is work: without a deletion there is little to find. */
export const CONTENT_SWEEP_EVERY_MS = 24 * 3_600_000;
const REMOVALS_IN_FLIGHT = 8;

export interface ContentSweepOptions {
  readonly dataset: string;
  /** A backup or a dead attempt has just been deleted: look now. */
  readonly isDue: boolean;
  readonly workDirectory?: string | undefined;
  /** Nothing younger is deleted. */
  readonly youngMs?: number;
  /** Between two looks without a deletion. */
  readonly everyMs?: number;
}

/**
 * `unused`: the dataset shares nothing. `waiting`: looked at not long ago, or an attempt began or ended meanwhile. `blocked`: what is needed cannot be
 * known, and `why` says what is in the way.
 */
export interface ContentSweep {
  readonly state: 'unused' | 'waiting' | 'blocked' | 'swept';
  readonly why: string | null;
  readonly removed: number;
  readonly removedBytes: number;
  /** What the storage locks; a later sweep's. */
  readonly locked: number;
}

/**
 * Deletes every shared object that is needed neither by a backup, of whatever state, nor by an attempt that may still become one. The references of
 * all backups are taken away from one listing, as sorted streams. Names are never given twice: what is found to be unneeded can not become needed
 * again, so a sweep that freezes anywhere harms nothing (docs/design/ordering.md, “Shared objects”). Throws: repository.*; the abort reason.
 */
export async function sweepContent(
  repository: BackupRepository,
  { dataset, isDue, workDirectory, ...o }: ContentSweepOptions,
  signal: AbortSignal,
): Promise<ContentSweep> {
  if (!(await hasContent(repository, dataset, signal))) return toResult('unused');
  const storageNow = await readStorageClock(repository, dataset, { signal });
  if (!isDue && !(await isDueByAge(repository, { dataset, storageNow, everyMs: o.everyMs }, signal)))
    return toResult('waiting');
  const before = new Date(storageNow.getTime() - (o.youngMs ?? DEAD_AFTER_MS));
  const folder = await mkdtemp(join(workDirectory ?? tmpdir(), 'holdfast-content-'));
  try {
    return await sweepIn(folder, { repository, dataset, before }, signal);
  } catch (error) {
    if (error instanceof Obstacle) return toResult('blocked', error.message);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Sweeping {
  readonly repository: BackupRepository;
  readonly dataset: string;
  readonly before: Date;
}

async function sweepIn(folder: string, d: Sweeping, signal: AbortSignal): Promise<ContentSweep> {
  const { repository, dataset } = d;
  const attempts = await listSharingAttempts(repository, dataset, { signal });
  const marks = await readRunning(attempts, repository, signal);
  const listed = listOld(d, marks, signal);
  const unneeded = await UnreferencedList.of(listed, folder);
  // The newest needs most of what there is: what is left then is little, and often nothing.
  for (const attempt of attempts.filter(({ state }) => state === 'made').toReversed()) {
    if (unneeded.count === 0) break;
    await subtractReferences(attempt, { repository, unneeded }, signal);
  }
  const later = await listSharingAttempts(repository, dataset, { signal });
  if (hasChanged(attempts, later)) return toResult('waiting', 'an attempt began or ended meanwhile');
  const result = await removeAll(unneeded, d, signal);
  await repository.put(contentSweptKey(dataset), Buffer.from('{ "formatVersion": 1 }\n'), { signal });
  return result;
}

async function hasContent(repository: BackupRepository, dataset: string, signal: AbortSignal): Promise<boolean> {
  for await (const _ of repository.list(contentPrefix(dataset), { signal })) return true;
  return false;
}

async function isDueByAge(
  repository: BackupRepository,
  {
    dataset,
    storageNow,
    everyMs = CONTENT_SWEEP_EVERY_MS,
  }: { dataset: string; storageNow: Date; everyMs: number | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  const last = await repository.stat(contentSweptKey(dataset), { signal });
  return last === undefined || last.modifiedAt.getTime() + everyMs <= storageNow.getTime();
}

/**
 * The marks of running attempts say what they write, and what they rely on says the backup that they named before they relied on it. If that is gone
 * (its hold had lapsed, and the attempt may be frozen), what they need is not known any more. Throws: Obstacle.
 */
async function readRunning(
  attempts: readonly SharingAttempt[],
  repository: BackupRepository,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const made = new Set(attempts.flatMap(({ backupId, state }) => (state === 'made' ? [backupId] : [])));
  const marks = new Set<string>();
  for (const { attemptKey, state } of attempts) {
    if (state !== 'running') continue;
    const { mark, parent } = await orObstacle(attemptKey, readSharingMark(repository, attemptKey, { signal }));
    if (parent !== null && !made.has(parent))
      throw new Obstacle(`attempt ${attemptKey} relies on backup ${parent}, which is gone`);
    marks.add(mark);
  }
  return marks;
}

async function* listOld(
  { repository, dataset, before }: Sweeping,
  marks: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<StoredContent> {
  for await (const object of listContent(repository, dataset, { signal }))
    if (object.modifiedAt < before && !marks.has(writerMarkOf(object.name))) yield object;
}

async function subtractReferences(
  { attemptKey }: SharingAttempt,
  { repository, unneeded }: { readonly repository: BackupRepository; readonly unneeded: UnreferencedList },
  signal: AbortSignal,
): Promise<void> {
  const subtracting = async (): Promise<void> => {
    const manifest = parseManifest(await readObject(repository, manifestKey(attemptKey), { signal }));
    if (manifest.references !== undefined) await unneeded.subtract(readReferences(manifest, repository, { signal }));
  };
  await orObstacle(attemptKey, subtracting());
}

/** What an attempt became in the meantime may need what was found to be unneeded. What was deleted needs nothing any more. */
function hasChanged(before: readonly SharingAttempt[], after: readonly SharingAttempt[]): boolean {
  const known = new Map(before.map(({ attemptKey, state }) => [attemptKey, state]));
  return after.some(({ attemptKey, state }) => known.get(attemptKey) !== state);
}

async function removeAll(unneeded: UnreferencedList, d: Sweeping, signal: AbortSignal): Promise<ContentSweep> {
  const tally = { removed: 0, removedBytes: 0, locked: 0 };
  const removing = unneeded.all();
  const worker = async (): Promise<void> => {
    for (let next = await removing.next(); !next.done; next = await removing.next()) {
      const { name, sizeBytes } = next.value;
      const isRemoved = await unlessLocked(d.repository.remove(contentKey(d.dataset, name), { signal }));
      if (isRemoved) tally.removed += 1;
      else tally.locked += 1;
      if (isRemoved) tally.removedBytes += sizeBytes;
    }
  };
  await Promise.all(Array.from({ length: REMOVALS_IN_FLIGHT }, worker));
  return { state: 'swept', why: null, ...tally };
}

const toResult = (state: ContentSweep['state'], why: string | null = null): ContentSweep => ({
  ...{ state, why, removed: 0, removedBytes: 0, locked: 0 },
});

/** Keeps all shared objects of the dataset, and says why. */
class Obstacle extends Error {}

const UNREADABLE = ['backup.corrupt', 'repository.format', 'repository.object-missing'];

async function orObstacle<T>(attemptKey: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof AppError && UNREADABLE.includes(error.code))) throw error;
    throw new Obstacle(`what ${attemptKey} needs cannot be read: ${error.message}`);
  }
}
