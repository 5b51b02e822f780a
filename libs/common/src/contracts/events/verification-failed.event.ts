import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatabaseName, DatasetName, Instant, ProblemShape, ProfileName, TargetName, Uuid } from '../names.js';

/** A verification could not run: no verdict, which is not a good verdict. */
export const VerificationFailed = defineEvent({
  type: 'verification.failed',
  version: 1,
  summary: 'A verification could not run: no verdict, which is not a good verdict',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    sequence: z.int().min(1),
    attempts: z.int().min(0).describe('How many were made'),
    error: ProblemShape,
    failedAt: Instant,
    target: TargetName,
    database: DatabaseName,
    profile: ProfileName,
  }),
});
