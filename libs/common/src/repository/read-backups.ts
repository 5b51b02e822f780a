import type { Manifest } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import { backupPrefix, findAttemptNumber, manifestKey, sweptKey } from './layout.js';
import { listByBackup } from './list-by-backup.js';
import { parseManifest } from './manifest-codec.js';
import { readObject } from './read-object.js';

export interface ListBackupsOptions extends ReadOptions {
  /** A manifest that cannot be read hides one backup, not all of them: it is told here and left out. */
  readonly onUnreadable?: (manifestKey: string, error: unknown) => void;
}

/** Sizes by key of everything below one backup's prefix. */
type Listing = ReadonlyMap<string, number>;

/** Every backup that exists, oldest first, safety dumps included. Throws: repository.*. */
export async function* listBackups(
  repository: BackupRepository,
  dataset: string,
  o: ListBackupsOptions,
): AsyncIterable<Manifest> {
  for await (const [backupId, objects] of listByBackup(repository, dataset, o)) {
    const listing = toListing(objects);
    const manifest = await findComplete(repository, { dataset, backupId, listing }, o);
    if (manifest) yield manifest;
  }
}

/** Undefined when no attempt of it is complete. Throws: repository.*, backup.corrupt. */
export async function findBackup(
  repository: BackupRepository,
  dataset: string,
  backupId: string,
  o: ReadOptions,
): Promise<Manifest | undefined> {
  const objects: StoredObject[] = [];
  for await (const object of repository.list(backupPrefix(dataset, backupId), o)) objects.push(object);
  return findBackupAmong(repository, { dataset, backupId, objects }, o);
}

/** As `findBackup`, when everything below the backup's prefix has been listed already. */
export const findBackupAmong = (
  repository: BackupRepository,
  { dataset, backupId, objects }: Omit<Candidate, 'listing'> & { readonly objects: readonly StoredObject[] },
  o: ReadOptions,
): Promise<Manifest | undefined> =>
  findComplete(repository, { dataset, backupId, listing: toListing(objects) }, strict(o));

/** The newest regular backup. A newer one that cannot be read is an error, never passed over. Throws: backup.missing, backup.corrupt, repository.*. */
export async function loadLatestBackup(
  repository: BackupRepository,
  dataset: string,
  o: ReadOptions,
): Promise<Manifest> {
  const backups: [string, Listing][] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, o))
    backups.push([backupId, toListing(objects)]);
  for (const [backupId, listing] of backups.reverse()) {
    const manifest = await findComplete(repository, { dataset, backupId, listing }, strict(o));
    if (manifest?.purpose === 'regular') return manifest;
  }
  throw new AppError('backup.missing', `dataset ${dataset} has no backup in ${repository.name}`, {
    dataset,
    repository: repository.name,
  });
}

const toListing = (objects: readonly StoredObject[]): Listing =>
  new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));

interface Candidate {
  readonly dataset: string;
  readonly backupId: string;
  readonly listing: Listing;
}

/**
 * The manifest of the newest complete attempt: it has a manifest, no `swept` marker, and every object at its size. Of two
 * complete attempts the later one counts: it had found no manifest when it started, so the earlier one came late.
 */
async function findComplete(
  repository: BackupRepository,
  candidate: Candidate,
  o: ListBackupsOptions,
): Promise<Manifest | undefined> {
  for (const attempt of listAttempts(candidate)) {
    const key = manifestKey(attempt);
    if (!candidate.listing.has(key) || candidate.listing.has(sweptKey(attempt))) continue;
    try {
      const manifest = await readManifest(repository, { ...candidate, attempt }, o);
      if (await isComplete(repository, manifest, candidate.listing, o)) return manifest;
    } catch (error) {
      if (!isAboutManifest(error)) throw error;
      o.onUnreadable?.(key, error);
    }
  }
  return undefined;
}

function listAttempts({ dataset, backupId, listing }: Candidate): readonly string[] {
  const names = new Set(Array.from(listing.keys(), (key) => key.split('/')[2] ?? ''));
  return Array.from(names)
    .map((name) => ({ name, number: findAttemptNumber(name) ?? 0 }))
    .filter(({ number }) => number > 0)
    .sort((a, b) => b.number - a.number || (a.name < b.name ? 1 : -1))
    .map(({ name }) => `${backupPrefix(dataset, backupId)}/${name}`);
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

async function isComplete(
  repository: BackupRepository,
  manifest: Manifest,
  listing: Listing,
  o: ReadOptions,
): Promise<boolean> {
  for (const { key, sizeBytes } of manifest.objects) {
    const found = listing.get(key) ?? (await statElsewhere(repository, manifest, key, o));
    if (found !== sizeBytes) return false;
  }
  return true;
}

/** Objects that backups share lie outside the attempt, and outside the listing. */
async function statElsewhere(
  repository: BackupRepository,
  { dataset, backupId }: Manifest,
  key: string,
  o: ReadOptions,
): Promise<number | undefined> {
  if (key.startsWith(`${backupPrefix(dataset, backupId)}/`)) return undefined;
  return (await repository.stat(key, o))?.sizeBytes;
}

/** Of one attempt: all others can be read. */
export const isAboutManifest = (error: unknown): error is AppError =>
  error instanceof AppError && ['backup.corrupt', 'repository.format'].includes(error.code);

const strict = ({ signal }: ReadOptions): ListBackupsOptions => ({
  signal,
  onUnreadable: (_key, error) => {
    throw error;
  },
});
