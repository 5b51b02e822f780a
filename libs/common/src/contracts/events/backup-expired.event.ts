import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { firstNames } from '#common/contracts/fit.js';
import { BackupMethod, DatasetName, Instant, RepositoryName, Uuid } from '#common/contracts/names.js';

/** Retention deletes a backup: nobody can restore it any more. */
export const BackupExpired = defineEvent({
  type: 'backup.expired',
  version: 1,
  summary: 'Retention deletes a backup: nobody can restore it any more',
  key: (data) => data.dataset,
  fit: (data) => ({ ...data, reasons: firstNames(data.reasons) }),
  data: z.object({
    dataset: DatasetName,
    backupId: Uuid,
    repository: RepositoryName,
    method: BackupMethod,
    purpose: z.enum(['regular', 'safety']),
    snapshotAt: Instant.describe('The instant that a restore brought back'),
    sizeBytes: z.int().min(0).describe('Stored bytes that become free'),
    reasons: z.array(z.string()).describe('Why no rule keeps it'),
    expiredAt: Instant,
  }),
});
