import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { HeldBackup } from '#common/repository/holds.js';
import { whileHeld } from '#common/repository/keep-hold.js';

/** Work with one backup: making it, restoring it, verifying what was restored, reading it again. */
export interface HeldWork extends HeldBackup {
  readonly kind: 'backup' | 'restore' | 'verification' | 'check';
  readonly runId: string;
}

export interface HoldWorkOptions {
  readonly signal: AbortSignal;
  /** No hold can be placed: what only reads goes on, and no other user of the repository knows of it. */
  readonly onUnheld?: ((error: AppError) => void) | undefined;
}

/** A frozen attempt that thaws must not release the hold of the next one. */
export const newHoldName = (kind: string, runId: string): string =>
  `${kind}-${runId}-${randomBytes(3).toString('hex')}`;

/**
 * A catalog knows of its own runs only, and may be lost or made anew: what every user of a repository sees is a hold beside the
 * backup, renewed as long as the work lasts. Throws: repository.*, backup.expiring when a backup is made; what the work throws.
 */
export function holdWork<T>(
  repository: BackupRepository,
  { dataset, backupId, kind, runId }: HeldWork,
  { signal, onUnheld }: HoldWorkOptions,
  work: () => Promise<T>,
): Promise<T> {
  const hold = {
    ...{ dataset, backupId, reason: `${kind} run`, by: hostname() },
    name: newHoldName(kind, runId),
    ...{ onUnheld, mustHold: kind === 'backup' },
  };
  return whileHeld(repository, hold, signal, work);
}
