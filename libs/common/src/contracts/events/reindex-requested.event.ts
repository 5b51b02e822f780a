import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { DatasetName, Destination, Instant, RebuiltPart, RequestedName, TargetName } from '#common/contracts/names.js';

/** A search index was asked to be made anew from the database. It names things; what it is made of, the configuration says. */
export const ReindexRequested = defineEvent({
  type: 'reindex.requested',
  version: 1,
  summary: 'A search index was asked to be made anew from the database',
  key: (data) => data.dataset,
  asked: { dataset: RequestedName, target: RequestedName },
  data: z.object({
    dataset: DatasetName,
    target: TargetName,
    destination: Destination.optional().describe('Default: the one that the dataset has in the configuration'),
    parts: z
      .array(RebuiltPart)
      .min(1)
      .optional()
      .describe('Names of indexes in `rebuild` of the dataset; default: all of them'),
    expiresAt: Instant.optional().describe('Default and at most: one hour after `time`'),
  }),
});
