import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { Destination, Instant, TargetName } from '#common/contracts/names.js';

/** An attempt at a rebuild began. */
export const ReindexStarted = defineEvent({
  type: 'reindex.started',
  version: 1,
  summary: 'An attempt at a rebuild began',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    target: TargetName,
    destination: Destination,
    startedAt: Instant,
  }),
});
