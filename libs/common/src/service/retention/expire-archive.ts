import { ArchiveExpired } from '#common/contracts/events/archive-expired.event.js';
import { toUuidV5 } from '#common/domain/ids.js';
import { type ExpiredWal, expireWal, type WalExpiry } from '#common/operations/recovery/expire-wal.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { TellExpiryDeps } from './forget-in-catalog.js';
import { type DatasetPlan, planWal } from './plan-retention.js';

export interface ExpireArchiveDeps extends TellExpiryDeps {
  readonly repository: BackupRepository;
}

/** Deletes archived WAL that no backup needs by the plan, told before the first of it is gone. Throws: repository.*, catalog.unavailable, claim.lost; the abort reason. */
export async function expireByPlan(plan: DatasetPlan, d: ExpireArchiveDeps, signal: AbortSignal): Promise<ExpiredWal> {
  const wal = await planWal(plan, d.repository, signal);
  if (wal.expired.length > 0) await tell(plan.dataset, wal, d);
  return expireWal(wal, d.repository, signal);
}

/** Once for the same objects: a sweep that is cut short and begun anew tells of what is left. */
async function tell(
  dataset: string,
  { expired, sizeBytes, needs }: WalExpiry,
  { catalog, events, lease, repository }: ExpireArchiveDeps,
): Promise<void> {
  const keys = expired.map(({ key }) => key);
  const id = toUuidV5('archive-expired', repository.name, ...keys);
  await catalog?.transaction(async (tx) => {
    if (lease !== undefined) await tx.leases.assertHeld(lease);
    // What a store locks is still there at the next sweep.
    if ((await tx.outbox.findOwn({ id, type: ArchiveExpired.type, source: events.source })) !== undefined) return;
    const kept = needs.map(({ systemId, from, fromBackup }) => ({ source: `cluster ${systemId}`, from, fromBackup }));
    const expiredAt = (await tx.now()).toISOString();
    const said = {
      dataset,
      archiver: 'wal',
      repository: repository.name,
      objects: keys.length,
      sizeBytes,
      kept,
      expiredAt,
    };
    await events.write(tx, ArchiveExpired, said, { id });
  });
}
