import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { BackupMethod, DatasetName, Instant, Uuid } from '../names.js';

/** An attempt at a backup began. */
export const BackupStarted = defineEvent({
  type: 'backup.started',
  version: 1,
  summary: 'An attempt at a backup began',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    attempt: z.int().min(1),
    sequence: z.int().min(1).describe('Of this run: order holds per topic and key only'),
    backupId: Uuid,
    method: BackupMethod,
    startedAt: Instant,
  }),
});
