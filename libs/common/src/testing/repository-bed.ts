import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';

const { signal } = new AbortController();

/** One place for backups, made for one run of the suite. */
export interface RepositoryBed {
  /** Opens the place anew. */
  open(): BackupRepository;
  /** The same place, where nothing may be written. */
  openReadOnly(): BackupRepository;
  /** A bucket or root that is not there. */
  openMissing(): BackupRepository;
  /** Everything that takes space: versions and delete markers too. */
  listStored(): Promise<string[]>;
  /** What writers left behind: open uploads, temporary files. */
  countUnfinished(): Promise<number>;
  dispose(): Promise<void>;
}

export async function collect(objects: AsyncIterable<StoredObject>): Promise<StoredObject[]> {
  const all: StoredObject[] = [];
  for await (const object of objects) all.push(object);
  return all;
}

export const keysOf = async (repository: BackupRepository, prefix: string) =>
  (await collect(repository.list(prefix, { signal }))).map(({ key }) => key);
