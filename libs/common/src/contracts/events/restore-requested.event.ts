import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import {
  BackupRef,
  DatabaseName,
  DatasetName,
  Instant,
  ProfileName,
  RequestedName,
  RestoreStrategy,
  TargetName,
} from '#common/contracts/names.js';

/** A restore of one backup to a configured target was asked for. It names things; it never carries a place to write. */
export const RestoreRequested = defineEvent({
  type: 'restore.requested',
  version: 1,
  summary: 'A restore of one backup to a configured target was asked for',
  key: (data) => data.dataset,
  asked: { dataset: RequestedName, target: RequestedName, profile: RequestedName.optional() },
  data: z.object({
    dataset: DatasetName,
    backup: BackupRef.default('latest'),
    target: TargetName,
    database: DatabaseName.optional().describe(
      'Default: the one that the url of the dataset names in the configuration',
    ),
    strategy: RestoreStrategy.default('new'),
    profile: ProfileName.optional().describe('Verify afterwards with this profile'),
    safetyDump: z.boolean().default(true).describe('in-place: dump the target first'),
    expiresAt: Instant.optional().describe('Default and at most: one hour after `time`'),
  }),
});
