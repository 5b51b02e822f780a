import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Failure } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';
import { ReplayMode } from '#common/contracts/names.js';

/** A replay stopped; asked again with the same request it goes on where it stopped. */
export const ReplayFailed = defineEvent({
  type: 'replay.failed',
  version: 1,
  summary: 'A replay stopped; asked again with the same request it goes on where it stopped',
  key: (data) => data.dataset,
  fit: fitError,
  data: z.object({
    ...Failure,
    mode: ReplayMode,
  }),
});
