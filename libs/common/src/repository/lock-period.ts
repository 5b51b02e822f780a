import type { BackupRepository } from './backup-repository.js';

export interface LockedBackup {
  readonly dataset: string;
  readonly purpose: 'regular' | 'safety';
}

/**
 * Until when the storage has to keep the objects of a backup that is begun now; undefined where nothing is locked. In whole seconds, which is
 * all that some storage keeps. Never later than the rules keep the backup, which count from its snapshot: what expires is not locked any more.
 */
export function toRetainUntil(
  { lock }: Pick<BackupRepository, 'lock'>,
  { dataset, purpose }: LockedBackup,
  begunAt: Date,
): Date | undefined {
  const period = lock !== undefined && Object.hasOwn(lock.periods, dataset) ? lock.periods[dataset] : undefined;
  if (period === undefined) return undefined;
  const periodMs = purpose === 'safety' ? period.safetyMs : period.regularMs;
  return new Date(Math.floor((begunAt.getTime() + periodMs) / 1_000) * 1_000);
}
