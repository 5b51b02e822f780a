import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Failure } from '#common/contracts/event-parts.js';
import { fitError } from '#common/contracts/fit.js';
import { Destination, TargetName } from '#common/contracts/names.js';

/** A rebuild did not end well: the indexes are what they were before it. */
export const ReindexFailed = defineEvent({
  type: 'reindex.failed',
  version: 1,
  summary: 'A rebuild did not end well: the indexes are what they were before it',
  key: (data) => data.dataset,
  fit: fitError,
  data: z.object({
    ...Failure,
    target: TargetName,
    destination: Destination.nullable(),
  }),
});
