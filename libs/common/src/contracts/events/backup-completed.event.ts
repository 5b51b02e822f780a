import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { cutText, firstWithin, totalsOf } from '#common/contracts/fit.js';
import { BackupMethod, Counts, DatasetKind, Instant, RepositoryName, Uuid } from '#common/contracts/names.js';

const WARNING_BYTES = 64 * 1024;

/** A backup exists: durable, checksummed, listed in its manifest and in the catalog. */
export const BackupCompleted = defineEvent({
  type: 'backup.completed',
  version: 1,
  summary: 'A backup exists: durable, checksummed, listed in its manifest and in the catalog',
  key: (data) => data.dataset,
  fit: (data) => {
    const { warnings } = data;
    if (warnings === undefined) return data;
    const texts = warnings.map((text) => cutText(text));
    const told = { warnings: firstWithin(texts, WARNING_BYTES) };
    const totals = totalsOf({ warnings }, told);
    return { ...data, ...told, ...(totals === undefined ? {} : { totals }) };
  },
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    kind: DatasetKind,
    method: BackupMethod,
    purpose: z.enum(['regular', 'safety']),
    repository: RepositoryName,
    manifestKey: z.string(),
    sizeBytes: z.int().min(0).describe('Stored bytes of all objects'),
    sourceSizeBytes: z.int().min(0).describe('Of what was backed up, as its server counts'),
    counts: Counts,
    startedAt: Instant,
    snapshotAt: Instant.describe('The instant that a restore brings back'),
    completedAt: Instant,
    busPosition: z.enum(['proven', 'unproven', 'none']),
    warnings: z
      .array(z.string())
      .optional()
      .describe('What may make a restore of it fail, each with its mend: the first of them; the manifest has all'),
    totals: z
      .object({ warnings: z.int().min(1) })
      .partial()
      .optional()
      .describe('How many warnings there are, where the list names only the first'),
  }),
});
