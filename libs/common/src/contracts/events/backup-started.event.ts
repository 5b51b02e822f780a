import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { BackupMethod, Instant, Uuid } from '#common/contracts/names.js';

/** An attempt at a backup began. */
export const BackupStarted = defineEvent({
  type: 'backup.started',
  version: 1,
  summary: 'An attempt at a backup began',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    method: BackupMethod,
    startedAt: Instant,
  }),
});
