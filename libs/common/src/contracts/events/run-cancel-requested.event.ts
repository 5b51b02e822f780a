import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Uuid } from '#common/contracts/names.js';

/** A run of any kind is to stop. Its last event is then `.failed` with code `run.cancelled`. */
export const RunCancelRequested = defineEvent({
  type: 'run.cancel-requested',
  version: 1,
  summary: 'A run of any kind is to stop',
  key: (data) => data.runId,
  data: z.object({
    runId: Uuid,
    reason: z.string().max(500).optional(),
  }),
});
