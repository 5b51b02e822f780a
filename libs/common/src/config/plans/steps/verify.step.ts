import { DatasetName, Destination, ProfileName, TargetName } from '#common/contracts/names.js';
import { defineStep, PlannedBackup } from '../define-step.js';

/** Probes of a profile against what was restored; only the verdict `passed` completes the step. */
export const verify = defineStep(
  'verify',
  {
    dataset: DatasetName,
    backup: PlannedBackup.describe('Against which it is held: ${steps.NAME.backupId}, `latest`, or an id'),
    target: TargetName,
    destination: Destination.describe('What was restored: ${steps.NAME.destination}'),
    profile: ProfileName,
  },
  {
    summary: 'Proves what was restored; completes only when the verdict is passed',
    outputs: () => ['verdict'],
    names: ({ dataset, target, profile }) => ({ dataset, target, profile }),
  },
);
