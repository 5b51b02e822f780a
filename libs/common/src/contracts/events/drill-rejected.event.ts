import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Rejection } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';

/** A well-formed request for a drill was refused before any run. */
export const DrillRejected = defineEvent({
  type: 'drill.rejected',
  version: 1,
  summary: 'A well-formed request for a drill was refused before any run',
  key: (data) => data.dataset,
  fit: fitError,
  data: z.object({
    ...Rejection,
    target: z.string(),
  }),
});
