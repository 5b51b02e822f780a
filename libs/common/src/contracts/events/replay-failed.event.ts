import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatasetName, Instant, ProblemShape, ReplayMode, Uuid } from '../names.js';

/** A replay stopped; asked again with the same request it goes on where it stopped. */
export const ReplayFailed = defineEvent({
  type: 'replay.failed',
  version: 1,
  summary: 'A replay stopped; asked again with the same request it goes on where it stopped',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    sequence: z.int().min(1),
    attempts: z.int().min(0).describe('How many were made'),
    error: ProblemShape,
    failedAt: Instant,
    mode: ReplayMode,
  }),
});
