import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Progress } from '#common/contracts/event-parts.js';
import { Uuid } from '#common/contracts/names.js';

/** A backup moved on. Bytes are counted, never guessed. */
export const BackupProgressed = defineEvent({
  type: 'backup.progressed',
  version: 1,
  summary: 'A backup moved on',
  key: (data) => data.dataset,
  data: z.object({
    ...Progress,
    backupId: Uuid,
  }),
});
