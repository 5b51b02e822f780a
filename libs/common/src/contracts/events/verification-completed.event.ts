import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { cutText, firstWithin } from '#common/contracts/fit.js';
import { Destination, Instant, ProfileName, TargetName, Uuid, VerdictName } from '#common/contracts/names.js';

/** All probes share it: a profile may have hundreds. */
const EVIDENCE_BYTES = 256 * 1024;
const PROBES_BYTES = 768 * 1024;

/** The probes ran. `verdict` says what they found: a completed verification may well have failed the backup. */
export const VerificationCompleted = defineEvent({
  type: 'verification.completed',
  version: 1,
  summary: 'The probes ran',
  key: (data) => data.dataset,
  fit: (data) => {
    const evidenceBytes = EVIDENCE_BYTES / Math.max(1, data.probes.length);
    const fitting = data.probes.map((each) => {
      const evidence = firstWithin(each.evidence, evidenceBytes);
      const isWhole = evidence.length === each.evidence.length;
      const total = isWhole ? {} : { evidenceTotal: each.evidence.length };
      return { ...each, summary: cutText(each.summary), evidence, ...total };
    });
    const probes = firstWithin(fitting, PROBES_BYTES);
    return { ...data, probes, ...(probes.length < fitting.length ? { probesTotal: fitting.length } : {}) };
  },
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    target: TargetName,
    destination: Destination,
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
        evidenceTotal: z
          .int()
          .optional()
          .describe(
            'How much there is, where the event holds only the first; the verdict beside the backup has all of it',
          ),
        durationMs: z.number(),
      }),
    ),
    probesTotal: z.int().optional().describe('How many ran, where the event holds only the first'),
    restoreRunId: Uuid.nullable(),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
