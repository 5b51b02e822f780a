import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { BackupMethod, DatasetName, Instant, RequestedName, ScheduleName } from '#common/contracts/names.js';

/** A backup of one dataset was asked for. Keyed by dataset: requests for it stay in order. */
export const BackupRequested = defineEvent({
  type: 'backup.requested',
  version: 1,
  summary: 'A backup of one dataset was asked for',
  key: (data) => data.dataset,
  asked: { dataset: RequestedName, method: RequestedName.optional() },
  data: z.object({
    dataset: DatasetName,
    method: BackupMethod.optional().describe('Default: the first method of the dataset’s kind'),
    deadlineAt: Instant.optional().describe('The run is cancelled after this instant'),
    schedule: ScheduleName.optional().describe('Set when a schedule asked'),
    slotAt: Instant.optional().describe('The instant at which the schedule was due'),
  }),
});
