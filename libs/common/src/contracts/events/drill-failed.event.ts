import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Failure } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';
import { ProfileName, ScheduleName, TargetName, Uuid } from '#common/contracts/names.js';

/** A drill could not be carried through: nothing is proven, and on the night this restore might have failed as well. */
export const DrillFailed = defineEvent({
  type: 'drill.failed',
  version: 1,
  summary: 'A drill could not be carried through',
  key: (data) => data.dataset,
  fit: fitError,
  data: z.object({
    ...Failure,
    drill: ScheduleName.nullable(),
    backupId: Uuid.nullable(),
    target: TargetName,
    profile: ProfileName,
  }),
});
