import type { Manifest } from '#common/contracts/manifest.js';
import { loadBackup, loadLatestBackup } from '#common/repository/load-backup.js';
import type { Installation } from './installation.js';

/**
 * A backup of a dataset as its repository shows it, whatever the catalog remembers: what cannot be read cannot be restored.
 * `reference` is an id or `latest`. Throws: backup.missing, backup.damaged; repository.*.
 */
export async function loadManifest(
  installation: Installation,
  dataset: string,
  reference: string,
  signal: AbortSignal,
): Promise<Manifest> {
  const repository = installation.primaryRepository(dataset);
  if (reference === 'latest') return loadLatestBackup(repository, dataset, { signal });
  return loadBackup(repository, dataset, reference, { signal });
}
