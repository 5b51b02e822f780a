import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { PointHead } from '#common/contracts/event-parts.js';
import { DatasetName, Instant } from '#common/contracts/names.js';

/** An attempt at a recovery point began; its backups have events of their own, with the same `correlationid`. */
export const PointStarted = defineEvent({
  type: 'point.started',
  version: 1,
  summary: 'An attempt at a recovery point began',
  key: (data) => data.point,
  data: z.object({
    ...PointHead,
    attempt: z.int().min(1),
    members: z.array(DatasetName).min(1).describe('In the order in which they are taken'),
    startedAt: Instant,
  }),
});
