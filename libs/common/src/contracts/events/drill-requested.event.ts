import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { DrillMoment } from '#common/contracts/drill-moment.js';
import {
  BackupMethod,
  DatasetName,
  Destination,
  Instant,
  ProfileName,
  RequestedName,
  ScheduleName,
  TargetName,
} from '#common/contracts/names.js';

/** A drill was asked for: a restore to a scratch place, proven, measured, and removed. */
export const DrillRequested = defineEvent({
  type: 'drill.requested',
  version: 1,
  summary: 'A drill was asked for: a restore to a scratch place, proven, measured, and removed',
  key: (data) => data.dataset,
  asked: { dataset: RequestedName, target: RequestedName, profile: RequestedName, method: RequestedName.optional() },
  data: z.object({
    dataset: DatasetName,
    target: TargetName,
    profile: ProfileName,
    method: BackupMethod.optional().describe('Default: the first method of the dataset’s kind of store'),
    at: DrillMoment.optional(),
    destination: Destination.optional().describe(
      'Only where the kind of the target has no names of its own for drills',
    ),
    drill: ScheduleName.optional().describe('Set when a drill of holdfast.yaml asked'),
    slotAt: Instant.optional().describe('The instant at which it was due'),
    expiresAt: Instant.optional().describe('Default and at most: one hour after `time`'),
  }),
});
