import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { Destination, Instant, RestoredParts, RestoreStrategy, TargetName, Uuid } from '#common/contracts/names.js';
import { RecoveryGoal } from '#common/contracts/recovery-target.js';

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
    destination: Destination,
    strategy: RestoreStrategy,
    parts: RestoredParts.optional().describe('Absent: the whole backup'),
    recovery: RecoveryGoal.optional().describe('Up to where archived changes are replayed'),
    startedAt: Instant,
  }),
});
