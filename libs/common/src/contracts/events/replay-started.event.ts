import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { AttemptHead } from '../event-parts.js';
import { Instant, ReplayMode } from '../names.js';

/** An attempt at a replay began. */
export const ReplayStarted = defineEvent({
  type: 'replay.started',
  version: 1,
  summary: 'An attempt at a replay began',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    mode: ReplayMode,
    startedAt: Instant,
  }),
});
