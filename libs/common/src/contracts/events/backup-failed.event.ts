import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Failure } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';
import { Uuid } from '#common/contracts/names.js';

/** A backup could not be made; nothing of it is readable. */
export const BackupFailed = defineEvent({
  type: 'backup.failed',
  version: 1,
  summary: 'A backup could not be made; nothing of it is readable',
  key: (data) => data.dataset,
  fit: fitError,
  data: z.object({
    ...Failure,
    backupId: Uuid.nullable(),
  }),
});
