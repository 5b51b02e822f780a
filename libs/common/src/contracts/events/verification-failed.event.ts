import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Failure } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';
import { Destination, ProfileName, TargetName } from '#common/contracts/names.js';

/** A verification could not run: no verdict, which is not a good verdict. */
export const VerificationFailed = defineEvent({
  type: 'verification.failed',
  version: 1,
  summary: 'A verification could not run: no verdict, which is not a good verdict',
  key: (data) => data.dataset,
  fit: fitError,
  data: z.object({
    ...Failure,
    target: TargetName,
    destination: Destination,
    profile: ProfileName,
  }),
});
