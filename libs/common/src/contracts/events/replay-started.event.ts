import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatasetName, Instant, ReplayMode, Uuid } from '../names.js';

/** An attempt at a replay began. */
export const ReplayStarted = defineEvent({
  type: 'replay.started',
  version: 1,
  summary: 'An attempt at a replay began',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    attempt: z.int().min(1),
    sequence: z.int().min(1).describe('Of this run: order holds per topic and key only'),
    mode: ReplayMode,
    startedAt: Instant,
  }),
});
