import type { Manifest } from '#common/contracts/manifest.js';
import type { BaseMaterial } from '#common/engines/postgres/pitr/combine-copies.js';
import { objectOf } from '#common/operations/restore/object-of.js';
import { openObject, pipeObject } from '#common/operations/restore/spool-object.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { loadBackup } from '#common/repository/load-backup.js';
import type { Keyring } from '#common/sealing/keyring.js';

export interface MaterialDeps {
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

/** The objects of a base backup, straight from the repository: nothing is spooled, every byte is checked. */
export const baseMaterial = (manifest: Manifest, { repository, ...o }: MaterialDeps): BaseMaterial => ({
  pipe: async (name, through) => pipeObject(objectOf(manifest, name), through, repository, o),
  open: async (name) => openObject(objectOf(manifest, name), repository, o),
  needed: async (backupId) => {
    const needed = await loadBackup(repository, manifest.dataset, backupId, { signal: o.signal });
    o.keyring.assertOpens(needed.recipients, `backup ${backupId}`);
    return baseMaterial(needed, { repository, ...o });
  },
});
