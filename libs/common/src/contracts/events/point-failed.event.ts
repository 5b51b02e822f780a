import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { PointHead } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';
import { Instant, ProblemShape } from '#common/contracts/names.js';

/** A recovery point was not made. Backups of members that completed stay as they are. */
export const PointFailed = defineEvent({
  type: 'point.failed',
  version: 1,
  summary: 'A recovery point was not made; backups of members that completed stay',
  key: (data) => data.point,
  fit: fitError,
  data: z.object({
    ...PointHead,
    attempts: z.int().min(0).describe('How many were made'),
    error: ProblemShape,
    failedAt: Instant,
  }),
});
