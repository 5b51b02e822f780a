import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { DatabaseName, Instant, RestoreStrategy, TargetName, Uuid } from '#common/contracts/names.js';

/** An attempt at a restore began. */
export const RestoreStarted = defineEvent({
  type: 'restore.started',
  version: 1,
  summary: 'An attempt at a restore began',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    target: TargetName,
    database: DatabaseName,
    strategy: RestoreStrategy,
    startedAt: Instant,
  }),
});
