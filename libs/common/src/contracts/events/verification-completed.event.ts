import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { DatabaseName, Instant, ProfileName, TargetName, Uuid, VerdictName } from '#common/contracts/names.js';

/** The probes ran. `verdict` says what they found: a completed verification may well have failed the backup. */
export const VerificationCompleted = defineEvent({
  type: 'verification.completed',
  version: 1,
  summary: 'The probes ran',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    target: TargetName,
    database: DatabaseName,
    profile: ProfileName,
    verdict: VerdictName,
    probes: z.array(
      z.object({
        probe: z.string(),
        verdict: VerdictName,
        summary: z.string(),
        evidence: z.array(
          z.object({
            subject: z.string(),
            expected: z.unknown().optional(),
            actual: z.unknown().optional(),
            problem: z.string().optional(),
          }),
        ),
        durationMs: z.number(),
      }),
    ),
    restoreRunId: Uuid.nullable(),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
