import type { Manifest } from '#common/contracts/manifest.js';
import { parseLatest } from '#common/contracts/names.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { planRecovery } from '#common/operations/recovery/recover-dataset.js';
import { loadBackup, loadLatestBackup } from '#common/repository/load-backup.js';
import type { Installation } from './installation.js';

/**
 * A backup of a dataset as its repository shows it, whatever the catalog remembers: what cannot be read cannot be restored.
 * `reference` is an id, `latest` or `latest:METHOD`. Throws: request.refused; backup.missing, backup.damaged; repository.*.
 */
export async function loadManifest(
  installation: Installation,
  dataset: string,
  reference: string,
  signal: AbortSignal,
): Promise<Manifest> {
  const repository = installation.primaryRepository(dataset);
  const latest = parseLatest(reference);
  if (latest !== undefined) {
    const method = installation.method(dataset, latest.method);
    return loadLatestBackup(repository, { dataset, method }, { signal });
  }
  return loadBackup(repository, dataset, reference, { signal });
}

export interface WantedBackup {
  readonly dataset: string;
  readonly backup: string;
  readonly recovery: RecoveryGoal | undefined;
}

/** The same; of a recovery that names no backup, the newest base backup from which its goal is reached. Throws: recovery.outside besides. */
export async function loadToRestore(
  installation: Installation,
  { dataset, backup, recovery: goal }: WantedBackup,
  signal: AbortSignal,
): Promise<Manifest> {
  if (goal === undefined || parseLatest(backup) === undefined)
    return loadManifest(installation, dataset, backup, signal);
  const { decision } = await planRecovery({ dataset, goal, signal }, installation.primaryRepository(dataset));
  return decision.base.manifest;
}
