import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { DatasetName, Instant, Uuid } from '#common/contracts/names.js';

/** What a source wrote is gone before it could be archived: no recovery leads across the gap. */
export const ArchiveGapDetected = defineEvent({
  type: 'archive.gap-detected',
  version: 1,
  summary: 'What a source wrote is gone before it could be archived: no recovery leads across the gap',
  key: (data) => data.dataset,
  data: z.object({
    dataset: DatasetName,
    archiver: z.string().describe('wal, mirror'),
    source: z.string().describe('Whose: cluster 7712836423445184983, timeline 1'),
    from: z.string().describe('The archive ends here: a WAL position'),
    to: z.string().describe('It goes on here'),
    reason: z.string(),
    backupRequestId: Uuid.describe('Of the backup.requested that begins anew behind the gap'),
    foundAt: Instant,
  }),
});
