import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { Failure } from '../event-parts.js';
import { DatabaseName, ProfileName, TargetName } from '../names.js';

/** A verification could not run: no verdict, which is not a good verdict. */
export const VerificationFailed = defineEvent({
  type: 'verification.failed',
  version: 1,
  summary: 'A verification could not run: no verdict, which is not a good verdict',
  key: (data) => data.dataset,
  data: z.object({
    ...Failure,
    target: TargetName,
    database: DatabaseName,
    profile: ProfileName,
  }),
});
