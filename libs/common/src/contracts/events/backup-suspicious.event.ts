import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { cutText, firstNames } from '#common/contracts/fit.js';
import { BackupMethod, DatasetName, Instant, RepositoryName, Uuid } from '#common/contracts/names.js';

/** A backup is unlike those before it. It is kept and can be restored; nothing of its dataset expires until an operator has looked. */
export const BackupSuspicious = defineEvent({
  type: 'backup.suspicious',
  version: 1,
  summary: 'A backup is unlike those before it; nothing of its dataset expires until an operator has looked',
  key: (data) => data.dataset,
  fit: (data) => ({ ...data, reasons: firstNames(data.reasons.map((reason) => cutText(reason))) }),
  data: z.object({
    dataset: DatasetName,
    backupId: Uuid,
    method: BackupMethod,
    repository: RepositoryName,
    snapshotAt: Instant,
    reasons: z.array(z.string()).min(1),
  }),
});
