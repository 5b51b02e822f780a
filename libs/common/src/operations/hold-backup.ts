import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { type Hold, isAlive, listHolds, type NewHold, placeHold, releaseHold } from '#common/repository/holds.js';
import { inspectBackup } from '#common/repository/inspect-backup.js';
import { readStorageClock } from '#common/repository/storage-clock.js';

/**
 * Keeps a backup, from now on. A hold of the same name is renewed or made longer, never shorter: another holder may have placed it.
 * Throws: request.refused, request.invalid, backup.missing, backup.expiring; repository.*.
 */
export async function holdBackup(repository: BackupRepository, hold: NewHold, signal: AbortSignal): Promise<Hold> {
  const { dataset, backupId, name } = hold;
  const earlier = (await listHolds(repository, hold, { signal })).find((known) => known.name === name);
  if (earlier !== undefined) {
    const storageNow = await readStorageClock(repository, dataset, { signal });
    if (
      isAlive(earlier, storageNow) &&
      endOf(earlier) > storageNow.getTime() + (hold.livesMs ?? Number.POSITIVE_INFINITY)
    )
      throw toShortening(earlier, backupId);
  }
  const placed = await placeHold(repository, hold, { signal });
  // It may have been deleted between our look and the hold.
  const { manifest, damage } = await inspectBackup(repository, hold, { signal });
  if (manifest !== undefined || damage !== undefined) return placed;
  await releaseHold(repository, hold, { signal });
  throw new AppError('backup.missing', `backup ${backupId} of ${dataset} was deleted meanwhile`);
}

const endOf = ({ expiresAt }: Hold): number => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;

function toShortening({ name, by, expiresAt }: Hold, backupId: string): AppError {
  const until = expiresAt === null ? 'until it is released' : `until ${expiresAt.toISOString()}`;
  const message = `backup ${backupId} is held as "${name}" by ${by} ${until}, which is longer`;
  const hint = 'Choose another name; or release that hold first with `holdfast hold release`.';
  return new AppError('request.refused', message, { backupId, name }, { hint });
}
