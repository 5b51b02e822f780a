import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import { inspectListed } from '#common/repository/inspect-backup.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findProvenDamage } from '#common/repository/load-backup.js';
import type { ListedBackup } from '#common/repository/read-backups.js';

export type NewBackup = Pick<Manifest, 'dataset' | 'backupId' | 'kind' | 'method'>;

/**
 * The newest good backup that a new one can share content with: of the same kind and method, sealed for the same recipients, so that who can open
 * the new one can open all of it. Only one whose id sorts before: a sweep that lists backups in order then sees both or neither.
 * Throws: repository.*.
 */
export async function findParent(
  { dataset, backupId, kind, method }: NewBackup,
  repository: BackupRepository,
  o: ReadOptions,
): Promise<Manifest | undefined> {
  const earlier: ListedBackup[] = [];
  for await (const [id, objects] of listByBackup(repository, dataset, o))
    if (id < backupId) earlier.unshift({ dataset, backupId: id, objects });
  for (const listed of earlier) {
    const found = await inspectListed(repository, listed, o);
    const { manifest, damage, isMarked } = found;
    if (manifest === undefined || damage !== undefined || isMarked) continue;
    if (manifest.kind !== kind || manifest.method !== method || manifest.purpose !== 'regular') continue;
    if (manifest.references === undefined || !isSame(manifest.recipients, repository.encryption.recipients)) continue;
    if ((await findProvenDamage(repository, found, o)).length === 0) return manifest;
  }
  return undefined;
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  [...a].sort().join('\n') === [...b].sort().join('\n');
