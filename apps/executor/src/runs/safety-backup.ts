import { randomBytes } from 'node:crypto';
import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Restore } from '#common/catalog/entities/restore.entity.js';
import type { BackupId } from '#common/domain/ids.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { manifestKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import type { Installation } from '#common/service/installation.js';

export interface SafetyBackupDeps {
  readonly catalog: Catalog;
  readonly installation: Installation;
  readonly holdfastVersion: string;
}

/** Whether an earlier attempt has taken it: the target, which may be changed by now, is not backed up any more. */
export async function hasSafetyBackup(
  { dataset, safetyBackupId }: Restore,
  { installation }: SafetyBackupDeps,
  signal: AbortSignal,
): Promise<boolean> {
  if (safetyBackupId === null) return false;
  return (await findBackup(installation.primaryRepository(dataset), dataset, safetyBackupId, { signal })) !== undefined;
}

/**
 * Backs up the destination before a restore replaces it and records it as a backup of purpose `safety`. One per run: an attempt after a crash
 * adopts the first one, for by then the target may already be changed. Returns its id.
 */
export async function safetyBackup(run: ClaimedRun, restore: Restore, d: SafetyBackupDeps): Promise<BackupId> {
  const { signal } = run.claim;
  const { installation } = d;
  const repository = installation.primaryRepository(restore.dataset);
  const engine = installation.engineOf(restore.dataset);
  const [{ name: method }] = engine.methods;
  const backupId = await d.catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    const id = await tx.backups.reserve({ runId: run.id, dataset: restore.dataset, method, purpose: 'safety' });
    await tx.restores.setSafetyBackup(run.id, id);
    return id;
  });
  const target = installation.target(restore.target);
  const dataset = engine.toSafetyDataset(installation.dataset(restore.dataset), target, restore.destination);
  const attempt = {
    ...{ dataset, backupId, runId: run.id, attempt: run.attempt, purpose: 'safety' as const, method },
    nonce: randomBytes(4).toString('hex'),
  };
  const { holdfastVersion } = d;
  const manifest =
    (await findBackup(repository, restore.dataset, backupId, { signal })) ??
    (await takeBackup(attempt, { engine, repository, clock: () => new Date(), holdfastVersion }, signal));
  await d.catalog.transaction(async (tx) => {
    await tx.runs.assertHeld(run.claim);
    await tx.backups.record(manifest, { repository: repository.name, manifestKey: manifestKey(manifest.attemptKey) });
  });
  return backupId;
}
