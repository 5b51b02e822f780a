import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { Instant, ReplayMode } from '#common/contracts/names.js';

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
