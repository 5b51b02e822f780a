import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { DatasetName, Instant } from '#common/contracts/names.js';

/** An archiver has caught up: after another executor has taken over, or after `archive.lagging`. */
export const ArchiveResumed = defineEvent({
  type: 'archive.resumed',
  version: 1,
  summary: 'An archiver has caught up, after a start or after it lagged',
  key: (data) => data.dataset,
  data: z.object({
    dataset: DatasetName,
    archiver: z.string().describe('wal, mirror'),
    position: z.string().describe('Archived up to here: a WAL position; of a mirror how much the source holds'),
    completeAt: Instant.describe('What the source had then is archived, by its own clock'),
    after: z.enum(['start', 'lag']),
  }),
});
