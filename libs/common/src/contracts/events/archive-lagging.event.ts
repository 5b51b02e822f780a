import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { DatasetName, Instant } from '#common/contracts/names.js';

/** What a source writes has not been archived for too long: what is lost with the source now grows. */
export const ArchiveLagging = defineEvent({
  type: 'archive.lagging',
  version: 1,
  summary: 'What a source writes has not been archived for too long',
  key: (data) => data.dataset,
  data: z.object({
    dataset: DatasetName,
    archiver: z.string().describe('wal, mirror'),
    lagSeconds: z.number().min(0).describe('Since everything that the source had was archived'),
    lagBytes: z.number().int().min(0).nullable().describe('null: the source does not answer'),
    reason: z.string().nullable().describe('What stands in the way, if anything was heard of it'),
    completeAt: Instant.nullable().describe(
      'Archived is what the source had then; null: nothing was, since this executor began',
    ),
    foundAt: Instant,
  }),
});
