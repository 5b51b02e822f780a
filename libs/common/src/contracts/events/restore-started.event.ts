import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatabaseName, DatasetName, Instant, RestoreStrategy, TargetName, Uuid } from '../names.js';

/** An attempt at a restore began. */
export const RestoreStarted = defineEvent({
  type: 'restore.started',
  version: 1,
  summary: 'An attempt at a restore began',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    attempt: z.int().min(1),
    sequence: z.int().min(1).describe('Of this run: order holds per topic and key only'),
    backupId: Uuid,
    target: TargetName,
    database: DatabaseName,
    strategy: RestoreStrategy,
    startedAt: Instant,
  }),
});
