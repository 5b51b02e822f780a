import type { EarlierBackup, WantedEarlier } from '#common/engines/earlier-backup.js';
import type { Engine } from '#common/engines/engine.js';
import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import { inspectListed } from '#common/repository/inspect-backup.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findFailure } from '#common/repository/load-backup.js';
import type { ListedBackup } from '#common/repository/read-backups.js';
import { openBackup } from './open-backup.js';
import { objectOf } from './restore/object-of.js';
import { openObject } from './restore/spool-object.js';

/** The backup that is being made. */
export interface NewerBackup {
  readonly dataset: string;
  readonly backupId: string;
  readonly engine: Pick<Engine, 'kind' | 'facts'>;
}

/**
 * The newest good backup on which another may build: regular, whole to its beginning, not marked for deletion, without a proof against it. Only one whose id
 * sorts before: a sweep that lists backups in order then sees both or neither. Throws: sealing.* where it cannot be opened here; repository.*.
 */
export async function findEarlier(
  { dataset, backupId, engine }: NewerBackup,
  { methods, isFit }: WantedEarlier,
  { repository, signal }: ReadOptions & { readonly repository: BackupRepository },
): Promise<EarlierBackup | undefined> {
  const earlier: ListedBackup[] = [];
  for await (const [id, objects] of listByBackup(repository, dataset, { signal }))
    if (id < backupId) earlier.unshift({ dataset, backupId: id, objects });
  for (const listed of earlier) {
    const found = await inspectListed(repository, listed, { signal });
    const { manifest, isMarked, damage } = found;
    if (manifest === undefined || isMarked || damage !== undefined) continue;
    if (manifest.kind !== engine.kind || manifest.purpose !== 'regular' || !methods.includes(manifest.method)) continue;
    if ((await findFailure(repository, found, { signal })) !== undefined || !isFit(manifest)) continue;
    const opened = await openBackup(manifest, { repository, engine }, signal);
    return {
      manifest: opened.manifest,
      open: async (name) => openObject(objectOf(manifest, name), repository, { signal, keyring: opened.keyring }),
    };
  }
  return undefined;
}
