import type { Manifest } from '#common/contracts/manifest.js';
import { isUuid } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import { findBackup, loadLatestBackup } from '#common/repository/read-backups.js';
import type { VerbContext } from './verb.js';

/** How people name a backup: an id, or `shop@latest`. */
export type BackupReference = { readonly id: string } | { readonly dataset: string };

/** Throws: request.invalid. */
export function parseBackupReference(text: string): BackupReference {
  if (isUuid(text)) return { id: text };
  const [, dataset] = /^([^@]+)@latest$/.exec(text) ?? [];
  if (dataset !== undefined) return { dataset };
  const hint = 'Name a backup by its id or as DATASET@latest; `holdfast backup list` shows them.';
  throw new AppError('request.invalid', `"${text}" is not a backup`, {}, { hint });
}

/** Finds the manifest in the repositories alone, so that it works with the catalog lost. Throws: backup.missing. */
export async function loadManifest(
  text: string,
  { installation, signal }: Pick<VerbContext, 'installation' | 'signal'>,
): Promise<Manifest> {
  const reference = parseBackupReference(text);
  if ('dataset' in reference) {
    return loadLatestBackup(installation.primaryRepository(reference.dataset), reference.dataset, { signal });
  }
  for (const dataset of Object.keys(installation.config.datasets)) {
    for (const repository of installation.repositoriesOf(dataset)) {
      const manifest = await findBackup(repository, dataset, reference.id, { signal });
      if (manifest !== undefined) return manifest;
    }
  }
  throw new AppError('backup.missing', `no repository holds a backup "${text}"`, {
    repositories: Object.keys(installation.config.repositories),
  });
}
