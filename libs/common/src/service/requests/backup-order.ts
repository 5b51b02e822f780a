import type { Run } from '#common/catalog/entities/run.entity.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { AppError } from '#common/errors/app-error.js';

export type BackupOrder = DataOf<typeof BackupRequested> & { readonly method: string };

/** What a run of a backup was asked, with the method that its intake resolved. Throws: internal.bug without one. */
export function readBackupOrder({
  id,
  request,
  requestVersion,
}: Pick<Run, 'id' | 'request' | 'requestVersion'>): BackupOrder {
  const { method, ...order } = BackupRequested.read(request, requestVersion);
  if (method === undefined) throw new AppError('internal.bug', `run ${id} was queued without a method`);
  return { ...order, method };
}
