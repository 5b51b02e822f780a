import { BackupRejected } from '#common/contracts/events/backup-rejected.event.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import type { Installation } from '#common/service/installation.js';
import type { Intake } from '#common/service/intake.js';

/**
 * One backup at a time of a dataset by one method: a long one keeps those by other methods from nothing but slots, which the host that
 * it reads from counts.
 */
export const backupIntake = (
  installation: Installation,
): Intake<typeof BackupRequested.data, typeof BackupRejected.data> => ({
  request: BackupRequested,
  decide: ({ data }) => {
    const method = installation.method(data.dataset, data.method);
    return {
      kind: 'backup',
      dataset: data.dataset,
      resource: `dataset ${data.dataset} ${method}`,
      sourceHost: installation.engineOf(data.dataset).place(installation.dataset(data.dataset)),
      deadlineAt: data.deadlineAt === undefined ? null : new Date(data.deadlineAt),
      maxAttempts: installation.config.executor.maxAttempts,
      resolved: { method },
    };
  },
  rejection: BackupRejected,
  toRejection: ({ dataset }, head) => ({ ...head, dataset }),
});
