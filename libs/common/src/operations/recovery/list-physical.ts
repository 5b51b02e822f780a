import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findAmong, isAboutManifest } from '#common/repository/read-backups.js';

/** Manifests of the physical backups that a dataset can be recovered from, oldest first. One that lost an object, or whose chain has a hole, restores nothing. Throws: repository.*. */
export async function listPhysical(
  dataset: string,
  { repository, signal }: { readonly repository: BackupRepository; readonly signal: AbortSignal },
): Promise<Manifest[]> {
  const all: Manifest[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const found = await findAmong(repository, { dataset, backupId, objects }, { signal }).catch((error: unknown) => {
      if (isAboutManifest(error)) return undefined;
      throw error;
    });
    if (found === undefined || found.lost.length > 0 || !isPhysical(found.manifest)) continue;
    // What a copy builds on was made before it.
    const isThere = (id: string): boolean => all.some((each) => each.backupId === id);
    if (found.manifest.needs.every(isThere)) all.push(found.manifest);
  }
  return all;
}

/** By what its restore reads, which is never sealed. */
const isPhysical = ({ kind, requires }: Manifest): boolean =>
  kind === 'postgres' && requires.some((range) => range.kind === 'wal');
