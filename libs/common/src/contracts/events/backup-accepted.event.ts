import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { cutText } from '#common/contracts/fit.js';
import { DatasetName, Instant, RepositoryName, Uuid } from '#common/contracts/names.js';

/** An operator looked at a suspicious backup: it is as it should be, and expiry goes on. */
export const BackupAccepted = defineEvent({
  type: 'backup.accepted',
  version: 1,
  summary: 'An operator looked at a suspicious backup: it is as it should be, and expiry goes on',
  key: (data) => data.dataset,
  fit: (data) => ({ ...data, by: cutText(data.by), reason: cutText(data.reason) }),
  data: z.object({
    dataset: DatasetName,
    backupId: Uuid,
    repository: RepositoryName,
    by: z.string().describe('Who looked'),
    reason: z.string(),
    acceptedAt: Instant,
  }),
});
