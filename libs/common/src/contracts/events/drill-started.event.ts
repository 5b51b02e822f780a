import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { Destination, Instant, ProfileName, ScheduleName, TargetName, Uuid } from '#common/contracts/names.js';
import { RecoveryGoal } from '#common/contracts/recovery-target.js';

/** An attempt at a drill began. */
export const DrillStarted = defineEvent({
  type: 'drill.started',
  version: 1,
  summary: 'An attempt at a drill began',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    drill: ScheduleName.nullable(),
    backupId: Uuid,
    target: TargetName,
    destination: Destination,
    recovery: RecoveryGoal.nullable().describe('Up to where archived changes are replayed'),
    profile: ProfileName,
    startedAt: Instant,
  }),
});
