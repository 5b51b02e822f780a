import type { Manifest } from '#common/contracts/manifest.js';
import type { Damage } from '#common/domain/proof.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import {
  backupControlPrefix,
  backupPrefix,
  findAttemptKey,
  findAttemptNumber,
  manifestKey,
  sweptKey,
} from './layout.js';
import { parseManifest } from './manifest-codec.js';
import { readObject } from './read-object.js';

/** Sizes by key of everything of one backup. */
type Listing = ReadonlyMap<string, number>;

interface Candidate {
  readonly dataset: string;
  readonly backupId: string;
  readonly listing: Listing;
}

/** Everything of one backup: its objects, and the holds, marks and markers that are about it. */
export interface ListedBackup {
  readonly dataset: string;
  readonly backupId: string;
  readonly objects: readonly StoredObject[];
}

/** What counts under one backup's id. */
export interface FoundBackup {
  /** Of the newest attempt that is whole, else of the newest that has a manifest. */
  readonly manifest: Manifest;
  /** What that attempt has lost; a backup exists only without. */
  readonly lost: readonly Damage[];
}

/** Objects first, as in `listByBackup`. Throws: repository.*. */
export async function listObjects(
  repository: BackupRepository,
  { dataset, backupId }: Omit<ListedBackup, 'objects'>,
  o: ReadOptions,
): Promise<ListedBackup> {
  const objects: StoredObject[] = [];
  for (const prefix of [backupPrefix(dataset, backupId), backupControlPrefix(dataset, backupId)])
    for await (const object of repository.list(prefix, o)) objects.push(object);
  return { dataset, backupId, objects };
}

/** Undefined when no attempt of it is whole: who makes it begins anew. Throws: repository.*, backup.corrupt. */
export async function findBackup(
  repository: BackupRepository,
  dataset: string,
  backupId: string,
  o: ReadOptions,
): Promise<Manifest | undefined> {
  const found = await findAmong(repository, await listObjects(repository, { dataset, backupId }, o), o);
  return found?.lost.length === 0 ? found.manifest : undefined;
}

/** Damaged ones too. Undefined when no attempt has a manifest. Throws: repository.*, backup.corrupt. */
export async function findEvenDamaged(
  repository: BackupRepository,
  dataset: string,
  backupId: string,
  o: ReadOptions,
): Promise<FoundBackup | undefined> {
  return findAmong(repository, await listObjects(repository, { dataset, backupId }, o), o);
}

/**
 * The newest whole attempt: it has a manifest, no `swept` marker, and every object at its size. Of two such the later one counts: it
 * had found no manifest when it started, so the earlier one came late. Throws: repository.*, backup.corrupt.
 */
export async function findAmong(
  repository: BackupRepository,
  { objects, ...id }: ListedBackup,
  o: ReadOptions,
): Promise<FoundBackup | undefined> {
  const listing: Listing = new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));
  const candidate = { ...id, listing };
  let damaged: FoundBackup | undefined;
  for (const attempt of listAttempts(candidate)) {
    if (!listing.has(manifestKey(attempt)) || listing.has(sweptKey(attempt))) continue;
    const manifest = await readManifest(repository, { ...candidate, attempt }, o);
    const lost = await findLost(repository, { objects: manifest.objects, listing }, o);
    if (lost.length === 0) return { manifest, lost };
    damaged ??= { manifest, lost };
  }
  return damaged;
}

/** The newest first. */
function listAttempts({ listing }: Candidate): readonly string[] {
  const attempts = new Set(Array.from(listing.keys(), (key) => findAttemptKey(key) ?? ''));
  return Array.from(attempts)
    .map((attempt) => ({ attempt, number: findAttemptNumber(attempt.split('/').at(-1) ?? '') ?? 0 }))
    .filter(({ number }) => number > 0)
    .sort((a, b) => b.number - a.number || (a.attempt < b.attempt ? 1 : -1))
    .map(({ attempt }) => attempt);
}

async function readManifest(
  repository: BackupRepository,
  { dataset, backupId, attempt }: Candidate & { readonly attempt: string },
  o: ReadOptions,
): Promise<Manifest> {
  const manifest = parseManifest(await readObject(repository, manifestKey(attempt), o));
  if (manifest.dataset === dataset && manifest.backupId === backupId && manifest.attemptKey === attempt)
    return manifest;
  throw new AppError('backup.corrupt', `manifest ${manifestKey(attempt)} describes ${manifest.attemptKey}`);
}

export interface ExpectedObject {
  readonly name: string;
  readonly key: string;
  /** Undefined: of whatever size. */
  readonly sizeBytes: number | undefined;
}

/**
 * Of what a listing does not show as it should be the storage is asked once more: objects that backups share lie elsewhere, and a listing
 * may be short. Throws: repository.*.
 */
export async function findLost(
  repository: BackupRepository,
  { objects, listing }: { readonly objects: readonly ExpectedObject[]; readonly listing: Listing },
  o: ReadOptions,
): Promise<Damage[]> {
  const lost: Damage[] = [];
  for (const { name, key, sizeBytes } of objects) {
    const isRight = (found: number | undefined) => found !== undefined && found === (sizeBytes ?? found);
    if (isRight(listing.get(key))) continue;
    const found = (await repository.stat(key, o))?.sizeBytes;
    if (isRight(found)) continue;
    const problem = found === undefined ? 'is missing' : `has ${found} bytes instead of ${sizeBytes ?? 'any'}`;
    lost.push({ object: name, problem });
  }
  return lost;
}

/** It hides one backup, not all of them. */
export const isAboutManifest = (error: unknown): error is AppError =>
  error instanceof AppError && ['backup.corrupt', 'repository.format'].includes(error.code);
