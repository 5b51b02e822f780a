import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import type { BaseMaterial } from '#common/engines/postgres/pitr/unpack-base.js';
import { AppError } from '#common/errors/app-error.js';
import { openObject, pipeObject } from '#common/operations/restore/spool-object.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Keyring } from '#common/sealing/keyring.js';

export interface MaterialDeps {
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

/** The objects of a base backup, straight from the repository: nothing is spooled, every byte is checked. */
export const baseMaterial = (manifest: Manifest, { repository, ...o }: MaterialDeps): BaseMaterial => ({
  pipe: (name, through) => pipeObject(objectOf(manifest, name), through, repository, o),
  open: (name) => openObject(objectOf(manifest, name), repository, o),
});

const SUFFIXES = ['', '.zst', '.age', '.zst.age'];

function objectOf({ backupId, objects }: Manifest, name: string): ManifestObject {
  const found = objects.find((object) => SUFFIXES.some((suffix) => object.name === `${name}${suffix}`));
  if (found !== undefined) return found;
  throw new AppError('backup.corrupt', `backup ${backupId} has no object ${name}`);
}
