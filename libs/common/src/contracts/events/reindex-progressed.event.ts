import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Progress } from '#common/contracts/event-parts.js';
import { TargetName } from '#common/contracts/names.js';

/** A rebuild moved on. Bytes are counted, never guessed. */
export const ReindexProgressed = defineEvent({
  type: 'reindex.progressed',
  version: 1,
  summary: 'A rebuild moved on',
  key: (data) => data.dataset,
  data: z.object({
    ...Progress,
    target: TargetName,
  }),
});
