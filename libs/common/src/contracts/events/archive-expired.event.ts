import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { cutText, firstWithin } from '#common/contracts/fit.js';
import { DatasetName, Instant, LsnText, RepositoryName, Uuid } from '#common/contracts/names.js';

const KEPT_BYTES = 256 * 1024;

/** A sweep deletes archived changes that no backup needs: moments before what is left cannot be recovered any more. */
export const ArchiveExpired = defineEvent({
  type: 'archive.expired',
  version: 1,
  summary: 'A sweep deletes archived changes that no backup needs any more',
  key: (data) => data.dataset,
  fit: (data) => {
    const cut = data.kept.map((each) => ({ ...each, source: cutText(each.source) }));
    const kept = firstWithin(cut, KEPT_BYTES);
    return { ...data, kept, ...(kept.length < cut.length ? { keptTotal: cut.length } : {}) };
  },
  data: z.object({
    dataset: DatasetName,
    archiver: z.string().max(100).describe('wal'),
    repository: RepositoryName,
    objects: z.int().min(1).describe('How many go; what the store locks goes with a later sweep'),
    sizeBytes: z.int().min(0).describe('Their stored bytes'),
    kept: z
      .array(
        z.object({
          source: z.string().describe('Whose: cluster 7712836423445184983'),
          from: LsnText.describe('Everything from here on stays'),
          fromBackup: Uuid.describe('From this backup on every later moment can be recovered'),
        }),
      )
      .describe('Older backups besides keep what makes each of them consistent'),
    keptTotal: z.int().optional().describe('How many there are, where the event holds only the first'),
    expiredAt: Instant,
  }),
});
