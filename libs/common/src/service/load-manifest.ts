import type { Manifest } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import { findBackup, loadLatestBackup } from '#common/repository/read-backups.js';
import type { Installation } from './installation.js';

/**
 * A backup of a dataset as its repository shows it, whatever the catalog remembers: what cannot be read cannot be restored.
 * `reference` is an id or `latest`. Throws: backup.missing; repository.*.
 */
export async function loadManifest(
  installation: Installation,
  dataset: string,
  reference: string,
  signal: AbortSignal,
): Promise<Manifest> {
  const repository = installation.primaryRepository(dataset);
  if (reference === 'latest') return loadLatestBackup(repository, dataset, { signal });
  const manifest = await findBackup(repository, dataset, reference, { signal });
  if (manifest !== undefined) return manifest;
  throw new AppError('backup.missing', `${repository.location} holds no backup "${reference}" of dataset "${dataset}"`);
}
