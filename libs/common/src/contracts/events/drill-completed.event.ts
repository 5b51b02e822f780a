import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { cutText, firstWithin } from '#common/contracts/fit.js';
import {
  BackupMethod,
  DatasetKind,
  Destination,
  Instant,
  ProfileName,
  ScheduleName,
  TargetName,
  Uuid,
  VerdictName,
} from '#common/contracts/names.js';
import { Recovered, RecoveryGoal } from '#common/contracts/recovery-target.js';

const PROBES_BYTES = 256 * 1024;

const Objective = z
  .object({ ms: z.int().min(0), isMet: z.boolean() })
  .nullable()
  .describe('null: the dataset has no such objective');

/** A drill was carried through. `isPassed` says what it showed: a completed drill may well have failed. */
export const DrillCompleted = defineEvent({
  type: 'drill.completed',
  version: 1,
  summary: 'A drill was carried through',
  key: (data) => data.dataset,
  fit: (data) => {
    const cut = data.probes.map((each) => ({ ...each, summary: cutText(each.summary) }));
    const probes = firstWithin(cut, PROBES_BYTES);
    return { ...data, probes, ...(probes.length < cut.length ? { probesTotal: cut.length } : {}) };
  },
  data: z.object({
    ...AttemptHead,
    drill: ScheduleName.nullable(),
    backupId: Uuid,
    kind: DatasetKind,
    method: BackupMethod,
    target: TargetName,
    destination: Destination,
    recovery: RecoveryGoal.nullable(),
    recovered: Recovered.nullable().describe('How far archived changes were replayed'),
    profile: ProfileName,
    isPassed: z.boolean().describe('The verdict is passed, and every objective is met'),
    verdict: VerdictName,
    probes: z.array(z.object({ probe: z.string(), verdict: VerdictName, summary: z.string() })),
    probesTotal: z.int().optional().describe('How many ran, where the event holds only the first'),
    restoreMs: z.int().min(0).describe('From the first look at the backup to the restored data'),
    verifyMs: z.int().min(0),
    rtoMs: z.int().min(0).describe('Both together: how long users would have waited'),
    rpoMs: z.int().min(0).describe('How old the newest moment was that could have been restored, when the drill began'),
    objectives: z.object({ rto: Objective, rpo: Objective }),
    scratchRemoved: z.boolean().describe('false: a sweep goes on trying'),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
