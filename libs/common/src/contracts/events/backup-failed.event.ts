import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatasetName, Instant, ProblemShape, Uuid } from '../names.js';

/** A backup could not be made; nothing of it is readable. */
export const BackupFailed = defineEvent({
  type: 'backup.failed',
  version: 1,
  summary: 'A backup could not be made; nothing of it is readable',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    sequence: z.int().min(1),
    attempts: z.int().min(0).describe('How many were made'),
    error: ProblemShape,
    failedAt: Instant,
    backupId: Uuid.nullable(),
  }),
});
