import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { fitError } from '#common/contracts/fit.js';
import { ProblemShape } from '#common/contracts/names.js';

/** A well-formed request for a recovery point was refused before any run. */
export const PointRejected = defineEvent({
  type: 'point.rejected',
  version: 1,
  summary: 'A well-formed request for a recovery point was refused before any run',
  key: (data) => data.point,
  fit: fitError,
  data: z.object({
    requestId: z.string().describe('id of the refused request'),
    requestSource: z.string(),
    point: z.string().describe('As asked for; it may be unknown'),
    error: ProblemShape,
  }),
});
