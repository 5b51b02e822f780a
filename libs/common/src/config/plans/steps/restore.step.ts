import { z } from 'zod';
import { DatasetName, Destination, RestoredParts, RestoreStrategy, TargetName } from '#common/contracts/names.js';
import { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { defineStep, PlannedBackup } from '../define-step.js';

/** A restore of any kind of dataset. Repeated, it goes on as a later attempt of the same restore, and adopts what an earlier one finished. */
export const restore = defineStep(
  'restore',
  {
    dataset: DatasetName,
    backup: PlannedBackup.default('latest').describe('`latest`, `latest:METHOD`, or an id'),
    target: TargetName,
    destination: Destination.optional().describe('Default: the one that the dataset has in the configuration'),
    strategy: RestoreStrategy.default('new'),
    recovery: RecoveryGoal.optional().describe('Up to where archived changes are replayed'),
    parts: RestoredParts.optional(),
    safetyBackup: z.boolean().default(true).describe('Where the destination is replaced: back it up first'),
  },
  {
    summary: 'Brings a backup back to a target',
    outputs: () => ['dataset', 'backupId', 'snapshotAt', 'target', 'destination'],
    names: ({ dataset, target }) => ({ dataset, target }),
  },
);
