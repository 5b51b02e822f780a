import { isUuid } from '#common/domain/ids.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import { datasetPrefix } from './layout.js';

/** One pass over the dataset's keys, which come sorted: backup by backup, oldest first, whole or not. Throws: repository.*. */
export async function* listByBackup(
  repository: BackupRepository,
  dataset: string,
  o: ReadOptions,
): AsyncGenerator<[backupId: string, objects: readonly StoredObject[]]> {
  let current: [string, StoredObject[]] | undefined;
  for await (const object of repository.list(datasetPrefix(dataset), o)) {
    const backupId = object.key.split('/')[1] ?? '';
    // UUIDv7 starts with 0 until the year 4199: what sorts later (clock/, content/, wal/) holds no manifests and may be huge.
    if (backupId > '1') break;
    if (!isUuid(backupId)) continue;
    if (current?.[0] !== backupId) {
      if (current) yield current;
      current = [backupId, []];
    }
    current[1].push(object);
  }
  if (current) yield current;
}
