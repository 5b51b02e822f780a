import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { Destination, Instant, ProfileName, TargetName, Uuid } from '#common/contracts/names.js';

/** An attempt at a verification began. */
export const VerificationStarted = defineEvent({
  type: 'verification.started',
  version: 1,
  summary: 'An attempt at a verification began',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    target: TargetName,
    destination: Destination,
    profile: ProfileName,
    startedAt: Instant,
  }),
});
