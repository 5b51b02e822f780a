import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatasetName, Uuid } from '../names.js';

/** A backup moved on. Bytes are counted, never guessed. */
export const BackupProgressed = defineEvent({
  type: 'backup.progressed',
  version: 1,
  summary: 'A backup moved on',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    attempt: z.int().min(1),
    sequence: z.int().min(1).describe('Of this run: order holds per topic and key only'),
    backupId: Uuid,
    stage: z.string().describe('dump, spool, restore, …'),
    bytes: z.int().min(0).describe('Counted in this stage'),
    totalBytes: z.int().min(0).nullable().describe('null: unknown'),
  }),
});
