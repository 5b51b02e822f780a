import type { Catalog } from '#common/catalog/catalog.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { BackupId } from '#common/domain/ids.js';
import { isUuid } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import { loadEvenDamaged } from '#common/repository/load-backup.js';
import type { Installation } from './installation.js';
import { loadManifest } from './load-manifest.js';

interface Wanted {
  readonly dataset: string;
  /** Or `latest`, `latest:METHOD`. */
  readonly id: string;
}

/**
 * Where a backup stood on the bus: a manifest tells it also when other objects are lost. What has expired since is gone from the repository, and the catalog remembers its position for as long
 * as it keeps settled runs: the database that was restored from it still wants its events. Throws: backup.missing; repository.*.
 */
export async function loadPosition(
  { dataset, id }: Wanted,
  { catalog, installation }: { readonly catalog: Catalog; readonly installation: Installation },
  signal: AbortSignal,
): Promise<BusPosition | null> {
  try {
    const repository = installation.primaryRepository(dataset);
    const { busPosition } = isUuid(id)
      ? (await loadEvenDamaged(repository, dataset, id, { signal })).manifest
      : await loadManifest(installation, dataset, id, signal);
    return busPosition;
  } catch (error) {
    if (!(error instanceof AppError && ['backup.missing', 'backup.damaged'].includes(error.code) && isUuid(id)))
      throw error;
    const known = await catalog.transaction((tx) => tx.backups.find(id as BackupId));
    const position = known?.dataset === dataset ? known.manifest?.busPosition : undefined;
    if (position === undefined) throw error;
    return position;
  }
}
