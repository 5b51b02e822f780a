import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import { findAttemptKey, manifestKey, sharingKey } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';

export interface SharingAttempt {
  readonly backupId: string;
  readonly attemptKey: string;
  /**
   * `made`: it has a manifest, so what it refers to is needed. `running`: it has begun to share and has no manifest yet, or none any more; its deletion
   * has removed all of it before long.
   */
  readonly state: 'made' | 'running';
}

/**
 * Every attempt at a dataset that may refer to shared objects, oldest backup first. Markers of sweeps say nothing here: an attempt is dead when its
 * `shared.json` is gone, for then a manifest that comes late is one that has lost an object. Throws: repository.*.
 */
export async function listSharingAttempts(
  repository: BackupRepository,
  dataset: string,
  o: ReadOptions,
): Promise<SharingAttempt[]> {
  const attempts: SharingAttempt[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, o)) {
    const keys = new Set(objects.map(({ key }) => key));
    for (const attemptKey of new Set(objects.flatMap(({ key }) => findAttemptKey(key) ?? []))) {
      if (keys.has(manifestKey(attemptKey))) attempts.push({ backupId, attemptKey, state: 'made' });
      else if (keys.has(sharingKey(attemptKey))) attempts.push({ backupId, attemptKey, state: 'running' });
    }
  }
  return attempts;
}
