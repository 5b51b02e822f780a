import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { Failure } from '../event-parts.js';
import { DatabaseName, TargetName, Uuid } from '../names.js';

/** A restore did not end well; the message tells what state the target is in. */
export const RestoreFailed = defineEvent({
  type: 'restore.failed',
  version: 1,
  summary: 'A restore did not end well; the message tells what state the target is in',
  key: (data) => data.dataset,
  data: z.object({
    ...Failure,
    backupId: Uuid.nullable(),
    target: TargetName,
    database: DatabaseName.nullable(),
    safetyBackupId: Uuid.nullable(),
  }),
});
