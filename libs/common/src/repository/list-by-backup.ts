import { isUuid } from '#common/domain/ids.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import { datasetControlPrefix, datasetPrefix, findBackupId } from './layout.js';

/**
 * Everything of each backup of a dataset, oldest first, whole or not: its objects, and the holds, marks and markers that are about it. The
 * objects are listed first: a deletion writes its markers before it takes an object, and takes them last, so that what is seen of it is
 * never taken for damage. Throws: repository.*.
 */
export async function* listByBackup(
  repository: BackupRepository,
  dataset: string,
  o: ReadOptions,
): AsyncGenerator<[backupId: string, objects: readonly StoredObject[]]> {
  const byBackup = new Map<string, StoredObject[]>();
  for (const prefix of [datasetPrefix(dataset), datasetControlPrefix(dataset)])
    for await (const object of repository.list(prefix, o)) {
      const backupId = findBackupId(object.key);
      // UUIDv7 starts with 0 until the year 4199: what sorts later (content/, wal/) holds no manifests and may be huge.
      if (backupId > '1') break;
      if (!isUuid(backupId)) continue;
      const own = byBackup.get(backupId) ?? [];
      byBackup.set(backupId, own);
      own.push(object);
    }
  yield* [...byBackup].sort(([one], [other]) => (one < other ? -1 : 1));
}
