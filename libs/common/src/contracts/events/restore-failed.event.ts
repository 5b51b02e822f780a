import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatabaseName, DatasetName, Instant, ProblemShape, TargetName, Uuid } from '../names.js';

/** A restore did not end well; the message tells what state the target is in. */
export const RestoreFailed = defineEvent({
  type: 'restore.failed',
  version: 1,
  summary: 'A restore did not end well; the message tells what state the target is in',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    sequence: z.int().min(1),
    attempts: z.int().min(0).describe('How many were made'),
    error: ProblemShape,
    failedAt: Instant,
    backupId: Uuid.nullable(),
    target: TargetName,
    database: DatabaseName.nullable(),
    safetyBackupId: Uuid.nullable(),
  }),
});
