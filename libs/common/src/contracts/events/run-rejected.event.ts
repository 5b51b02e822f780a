import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { fitError } from '#common/contracts/fit.js';
import { ProblemShape } from '#common/contracts/names.js';

/** A request about a run was refused: there is no such run, or it has ended. */
export const RunRejected = defineEvent({
  type: 'run.rejected',
  version: 1,
  summary: 'A request about a run was refused: there is no such run, or it has ended',
  key: (data) => data.runId,
  fit: fitError,
  data: z.object({
    requestId: z.string(),
    requestSource: z.string(),
    runId: z.string(),
    error: ProblemShape,
  }),
});
