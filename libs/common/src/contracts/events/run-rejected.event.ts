import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { ProblemShape } from '#common/contracts/names.js';

/** A request about a run was refused: there is no such run, or it has ended. */
export const RunRejected = defineEvent({
  type: 'run.rejected',
  version: 1,
  summary: 'A request about a run was refused: there is no such run, or it has ended',
  key: (data) => data.runId,
  data: z.object({
    requestId: z.string(),
    requestSource: z.string(),
    runId: z.string(),
    error: ProblemShape,
  }),
});
