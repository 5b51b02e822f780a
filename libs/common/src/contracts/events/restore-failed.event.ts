import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Failure } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';
import { Destination, TargetName, Uuid } from '#common/contracts/names.js';

/** A restore did not end well; the message tells what state the target is in. */
export const RestoreFailed = defineEvent({
  type: 'restore.failed',
  version: 1,
  summary: 'A restore did not end well; the message tells what state the target is in',
  key: (data) => data.dataset,
  fit: fitError,
  data: z.object({
    ...Failure,
    backupId: Uuid.nullable(),
    target: TargetName,
    destination: Destination.nullable(),
    safetyBackupId: Uuid.nullable(),
  }),
});
