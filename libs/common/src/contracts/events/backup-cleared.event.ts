import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { DatasetName, Instant, RepositoryName, Uuid } from '#common/contracts/names.js';

/** A damaged backup is good again: its objects are back, and pass the proofs that they had failed. */
export const BackupCleared = defineEvent({
  type: 'backup.cleared',
  version: 1,
  summary: 'A damaged backup is good again',
  key: (data) => data.dataset,
  data: z.object({
    dataset: DatasetName,
    backupId: Uuid,
    repository: RepositoryName,
    foundBy: z.enum(['listing', 'check', 'verification']),
    foundAt: Instant,
  }),
});
