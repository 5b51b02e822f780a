import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { firstNames, totalsOf } from '#common/contracts/fit.js';
import {
  BackupMethod,
  DatasetKind,
  Destination,
  Instant,
  ProfileName,
  RestoredParts,
  RestoreStrategy,
  TargetName,
  Uuid,
} from '#common/contracts/names.js';
import { Recovered } from '#common/contracts/recovery-target.js';

/** A restore ended well. It is not verified yet: that is `verification.completed`. */
export const RestoreCompleted = defineEvent({
  type: 'restore.completed',
  version: 1,
  summary: 'A restore ended well',
  key: (data) => data.dataset,
  fit: (data) => {
    const { findings: whole } = data;
    const findings = Object.fromEntries(Object.entries(whole).map(([name, list]) => [name, firstNames(list)]));
    const totals = totalsOf(whole, findings);
    return { ...data, findings, ...(totals === undefined ? {} : { totals: { ...totals } }) };
  },
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    kind: DatasetKind,
    method: BackupMethod,
    target: TargetName,
    destination: Destination,
    strategy: RestoreStrategy,
    parts: RestoredParts.optional().describe('Absent: the whole backup'),
    safetyBackupId: Uuid.nullable().describe('Taken of the destination before it was replaced'),
    recovered: Recovered.nullable()
      .default(null)
      .describe('How far archived changes were replayed after the backup; null: it came back alone'),
    findings: z
      .record(z.string(), z.array(z.string()))
      .describe(
        'What the restore created, left, or left to an operator, by name. For dumps of PostgreSQL: createdRoles, withheldRights (what created roles had and did not get back), withheldSettings (they look like secrets, so no backup holds them), leftOut (subscriptions), newerObjects (not in the backup, left), droppedObjects (not in the backup, gone with an object that is), harmlessErrors',
      ),
    totals: z
      .record(z.string(), z.int().min(1))
      .optional()
      .describe(
        'How many there are, of each list that names only the first, at most 100; the result of the run has all',
      ),
    startedAt: Instant,
    completedAt: Instant,
    profile: ProfileName.nullable(),
    verificationRunId: Uuid.nullable().describe('The verification that this restore asked for'),
  }),
});
