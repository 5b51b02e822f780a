import { BackupRejected } from '#common/contracts/events/backup-rejected.event.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { DrillRejected } from '#common/contracts/events/drill-rejected.event.js';
import { DrillRequested } from '#common/contracts/events/drill-requested.event.js';
import { PointRejected } from '#common/contracts/events/point-rejected.event.js';
import { PointRequested } from '#common/contracts/events/point-requested.event.js';
import { ReindexRejected } from '#common/contracts/events/reindex-rejected.event.js';
import { ReindexRequested } from '#common/contracts/events/reindex-requested.event.js';
import { RestoreRejected } from '#common/contracts/events/restore-rejected.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { readGoal } from '#common/contracts/recovery-target.js';
import { toInstantAfter } from '#common/domain/duration.js';
import { assertNotExpired, assertRestoreAllowed, decideExpiry } from '#common/domain/request.policy.js';
import { assertDrillAllowed } from '#common/service/drills/choose-drill.js';
import type { Installation } from '#common/service/installation.js';
import { type Intake, type IntakeTable, runEntry } from '#common/service/requests/intake.js';
import { toRebuildWish } from '#common/service/requests/rebuild-wish.js';
import { restoreResource } from '#common/service/requests/restore-place.js';
import { cancelEntry } from '#common/service/requests/take-cancel.js';

export const executorIntake = (installation: Installation): IntakeTable => [
  runEntry(backupIntake(installation)),
  runEntry(restoreIntake(installation)),
  runEntry(reindexIntake(installation)),
  runEntry(drillIntake(installation)),
  runEntry(pointIntake(installation)),
  cancelEntry,
];

/**
 * One backup at a time of a dataset by one method: a long one keeps those by other methods from nothing but slots, which the host that
 * it reads from counts.
 */
export const backupIntake = (
  installation: Installation,
): Intake<typeof BackupRequested.data, typeof BackupRejected.data> => ({
  request: BackupRequested,
  decide: ({ data }) => {
    const method = installation.method(data.dataset, data.method);
    return {
      kind: 'backup',
      dataset: data.dataset,
      resource: `dataset ${data.dataset} ${method}`,
      sourceHost: installation.engineOf(data.dataset).place(installation.dataset(data.dataset)),
      deadlineAt: data.deadlineAt === undefined ? null : new Date(data.deadlineAt),
      maxAttempts: installation.config.executor.maxAttempts,
      resolved: { method },
    };
  },
  rejection: BackupRejected,
  toRejection: ({ dataset }, head) => ({ ...head, dataset }),
});

/** Refuses what has expired and what the target does not accept; one restore at a time writes to a destination. */
export const restoreIntake = (
  installation: Installation,
): Intake<typeof RestoreRequested.data, typeof RestoreRejected.data> => ({
  request: RestoreRequested,
  decide: (event, now) => {
    const { data } = event;
    assertNotExpired(`${event.type} ${event.id}`, decideExpiry(event.time, data.expiresAt), now);
    const destination = installation.destination(data.dataset, data.target, data.destination);
    assertRestoreAllowed({ ...data, destination }, installation.targetRules(data.target));
    if (readGoal(data.recovery) !== undefined) installation.assertRecovers(data.target);
    if (data.parts !== undefined) installation.assertTakesParts(data.target, data.parts, data.profile);
    if (data.profile !== undefined) installation.profile(data.profile, data.dataset);
    return {
      kind: 'restore',
      dataset: data.dataset,
      resource: restoreResource(installation, data.target, destination),
      sourceHost: null,
      deadlineAt: null,
      maxAttempts: installation.config.executor.maxAttempts,
    };
  },
  rejection: RestoreRejected,
  toRejection: ({ dataset, target }, head) => ({ ...head, dataset, target }),
});

/** Refuses what has expired and what the target does not accept; no restore writes to the destination meanwhile. */
export const reindexIntake = (
  installation: Installation,
): Intake<typeof ReindexRequested.data, typeof ReindexRejected.data> => ({
  request: ReindexRequested,
  decide: (event, now) => {
    const { data } = event;
    assertNotExpired(`${event.type} ${event.id}`, decideExpiry(event.time, data.expiresAt), now);
    const { destination } = toRebuildWish(data, installation);
    return {
      kind: 'reindex',
      dataset: data.dataset,
      resource: restoreResource(installation, data.target, destination),
      sourceHost: null,
      deadlineAt: null,
      maxAttempts: installation.config.executor.maxAttempts,
    };
  },
  rejection: ReindexRejected,
  toRejection: ({ dataset, target }, head) => ({ ...head, dataset, target }),
});

/** Any attempt: only the form of its destination is looked at. */
const NO_RUN = { runId: '00000000-0000-4000-8000-000000000000', attempt: 1 };

/** Refuses what the target does not accept; one drill at a time on a target, behind everything that people wait for. */
export const drillIntake = (
  installation: Installation,
): Intake<typeof DrillRequested.data, typeof DrillRejected.data> => ({
  request: DrillRequested,
  decide: (event, now) => {
    const { data } = event;
    assertNotExpired(`${event.type} ${event.id}`, decideExpiry(event.time, data.expiresAt), now);
    assertDrillAllowed(installation, data, NO_RUN);
    return {
      kind: 'drill',
      dataset: data.dataset,
      resource: `drills on target ${data.target}`,
      sourceHost: null,
      deadlineAt: null,
      maxAttempts: installation.config.executor.maxAttempts,
      priority: -1,
      resolved: { method: installation.method(data.dataset, data.method) },
    };
  },
  rejection: DrillRejected,
  toRejection: ({ dataset, target }, head) => ({ ...head, dataset, target }),
});

/** One at a time of a recovery point. A scheduler carries it through: a run that waits for backups takes no executor's slot from them. */
export const pointIntake = (
  installation: Installation,
): Intake<typeof PointRequested.data, typeof PointRejected.data> => ({
  request: PointRequested,
  decide: ({ data: { point } }, now) => ({
    kind: 'point',
    dataset: point,
    resource: `recovery point ${point}`,
    sourceHost: null,
    deadlineAt: toInstantAfter(now, installation.point(point).deadline),
    maxAttempts: installation.config.executor.maxAttempts,
  }),
  rejection: PointRejected,
  toRejection: ({ point }, head) => ({ ...head, point }),
});
