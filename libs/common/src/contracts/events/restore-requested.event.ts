import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import {
  BackupRef,
  DatasetName,
  Destination,
  Instant,
  ProfileName,
  RequestedName,
  RestoredParts,
  RestoreStrategy,
  TargetName,
} from '#common/contracts/names.js';
import { RecoveryGoal } from '#common/contracts/recovery-target.js';

/** A restore of one backup to a configured target was asked for. It names things; it never carries a place to write. */
export const RestoreRequested = defineEvent({
  type: 'restore.requested',
  version: 1,
  summary: 'A restore of one backup to a configured target was asked for',
  key: (data) => data.dataset,
  asked: {
    dataset: RequestedName,
    target: RequestedName,
    profile: RequestedName.optional(),
    recovery: z.unknown().optional(),
  },
  data: z.object({
    dataset: DatasetName,
    backup: BackupRef.default('latest'),
    target: TargetName,
    destination: Destination.optional().describe('Default: the one that the dataset has in the configuration'),
    strategy: RestoreStrategy.default('new'),
    profile: ProfileName.optional().describe('Verify afterwards with this profile'),
    recovery: RecoveryGoal.optional().describe(
      'Replay what was archived after a base backup, up to a point; `latest` is then the newest base backup from which it can be reached',
    ),
    parts: RestoredParts.optional(),
    safetyBackup: z
      .boolean()
      .default(true)
      .describe('Where the destination is replaced: back it up before, which takes as long as any backup of it'),
    expiresAt: Instant.optional().describe('Default and at most: one hour after `time`'),
  }),
});
