import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { firstWithin } from '#common/contracts/fit.js';
import { Destination, Instant, TargetName } from '#common/contracts/names.js';

/** Some thousand indexes. */
const PARTS_BYTES = 512 * 1024;

/** Indexes were made anew, and are in their places. Whether they equal the database, `verification.completed` says with the probe `search`. */
export const ReindexCompleted = defineEvent({
  type: 'reindex.completed',
  version: 1,
  summary: 'Indexes were made anew, and are in their places',
  key: (data) => data.dataset,
  fit: (data) => {
    const parts = firstWithin(data.parts, PARTS_BYTES);
    return parts.length === data.parts.length ? data : { ...data, parts, partsTotal: data.parts.length };
  },
  data: z.object({
    ...AttemptHead,
    target: TargetName,
    destination: Destination,
    parts: z.array(
      z.object({
        name: z.string().describe('As the configuration calls it'),
        place: z.string().describe('What it is called on the server'),
        documents: z.int().min(0),
        isReplaced: z.boolean().describe('false: there was none before'),
      }),
    ),
    partsTotal: z.int().optional().describe('How many there are, where a message holds only the first'),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
