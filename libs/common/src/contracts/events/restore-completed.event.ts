import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { firstNames, totalsOf } from '#common/contracts/fit.js';
import { DatabaseName, Instant, ProfileName, RestoreStrategy, TargetName, Uuid } from '#common/contracts/names.js';

const Total = z.int().min(1);

/** A restore ended well. It is not verified yet: that is `verification.completed`. */
export const RestoreCompleted = defineEvent({
  type: 'restore.completed',
  version: 1,
  summary: 'A restore ended well',
  key: (data) => data.dataset,
  fit: (data) => {
    const { harmlessErrors, createdRoles, withheldRights, withheldSettings, newerObjects, droppedObjects, leftOut } =
      data;
    const whole = {
      harmlessErrors,
      createdRoles,
      withheldRights,
      withheldSettings,
      newerObjects,
      droppedObjects,
      leftOut,
    };
    const told = {
      harmlessErrors: firstNames(harmlessErrors),
      createdRoles: firstNames(createdRoles),
      newerObjects: firstNames(newerObjects),
      ...(withheldRights === undefined ? {} : { withheldRights: firstNames(withheldRights) }),
      ...(withheldSettings === undefined ? {} : { withheldSettings: firstNames(withheldSettings) }),
      ...(leftOut === undefined ? {} : { leftOut: firstNames(leftOut) }),
      ...(droppedObjects === undefined ? {} : { droppedObjects: firstNames(droppedObjects) }),
    };
    const totals = totalsOf(whole, told);
    return { ...data, ...told, ...(totals === undefined ? {} : { totals }) };
  },
  data: z.object({
    ...AttemptHead,
    backupId: Uuid,
    target: TargetName,
    database: DatabaseName,
    strategy: RestoreStrategy,
    safetyBackupId: Uuid.nullable().describe('Taken of the target before an in-place restore'),
    harmlessErrors: z.array(z.string()).describe('Of pg_restore, known to change nothing'),
    createdRoles: z.array(z.string()),
    withheldRights: z
      .array(z.object({ role: z.string(), rights: z.array(z.string()) }))
      .optional()
      .describe('What created roles had and did not get back: LOGIN, BYPASSRLS; an operator grants it'),
    withheldSettings: z
      .array(z.string())
      .optional()
      .describe(
        'Settings of the database whose values look like secrets, so that no backup holds them; set them again',
      ),
    newerObjects: z.array(z.string()).describe('In the database, but not in the backup; left as they are'),
    droppedObjects: z
      .array(z.string())
      .optional()
      .describe('Not in the backup, and gone with an object that is: later partitions and indexes of restored tables'),
    leftOut: z
      .array(z.string())
      .optional()
      .describe('Objects of the backup that no restore creates: subscriptions. Make them again by hand'),
    totals: z
      .object({
        leftOut: Total,
        harmlessErrors: Total,
        createdRoles: Total,
        withheldRights: Total,
        withheldSettings: Total,
        newerObjects: Total,
        droppedObjects: Total,
      })
      .partial()
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
