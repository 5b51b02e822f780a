import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Progress } from '#common/contracts/event-parts.js';
import { Uuid } from '#common/contracts/names.js';

/** A restore moved on. Bytes are counted, never guessed. */
export const RestoreProgressed = defineEvent({
  type: 'restore.progressed',
  version: 1,
  summary: 'A restore moved on',
  key: (data) => data.dataset,
  data: z.object({
    ...Progress,
    backupId: Uuid,
  }),
});
