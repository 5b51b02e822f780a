import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import {
  BackupRef,
  DatasetName,
  Destination,
  ProfileName,
  RequestedName,
  TargetName,
  Uuid,
} from '#common/contracts/names.js';

/** Proof was asked for that a restored database equals its backup. */
export const VerificationRequested = defineEvent({
  type: 'verification.requested',
  version: 1,
  summary: 'Proof was asked for that a restored database equals its backup',
  key: (data) => data.dataset,
  asked: { dataset: RequestedName, target: RequestedName, profile: RequestedName },
  data: z.object({
    dataset: DatasetName,
    backup: BackupRef,
    target: TargetName,
    destination: Destination,
    profile: ProfileName,
    restoreRunId: Uuid.optional(),
  }),
});
