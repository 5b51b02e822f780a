import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { ProblemShape } from '../names.js';

/** A well-formed request for a verification was refused before any run. */
export const VerificationRejected = defineEvent({
  type: 'verification.rejected',
  version: 1,
  summary: 'A well-formed request for a verification was refused before any run',
  key: (data) => data.dataset,
  data: z.object({
    requestId: z.string().describe('id of the refused request'),
    requestSource: z.string(),
    dataset: z.string().describe('As asked for; it may be unknown'),
    error: ProblemShape,
    target: z.string(),
  }),
});
