import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import { BackupFailed } from '#common/contracts/events/backup-failed.event.js';
import { DrillFailed } from '#common/contracts/events/drill-failed.event.js';
import { DrillRequested } from '#common/contracts/events/drill-requested.event.js';
import { PointFailed } from '#common/contracts/events/point-failed.event.js';
import { ReindexFailed } from '#common/contracts/events/reindex-failed.event.js';
import { ReindexRequested } from '#common/contracts/events/reindex-requested.event.js';
import { ReplayFailed } from '#common/contracts/events/replay-failed.event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { RestoreFailed } from '#common/contracts/events/restore-failed.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { VerificationFailed } from '#common/contracts/events/verification-failed.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import type { RunKind } from '#common/domain/run.js';
import type { Problem } from '#common/errors/app-error.js';
import type { EventWriter } from '../event-writer.js';
import { readBackupOrder } from '../requests/backup-order.js';
import type { OnRunFailed } from './attempt-options.js';

interface Ended {
  readonly attempts: number;
  readonly error: Problem;
  readonly failedAt: string;
}

type Tell = (run: Run, ended: Ended, tx: CatalogTx, events: EventWriter) => Promise<unknown>;

/** The last event of a run of any kind that ended without success, in the transaction that settles the run: a worker and a scheduler write the same. */
export const tellFailure =
  (events: EventWriter): OnRunFailed =>
  async (run, problem, tx) => {
    const failedAt = (await tx.now()).toISOString();
    await TELL[run.kind](run, { attempts: run.attempt, error: problem, failedAt }, tx, events);
  };

const TELL: Readonly<Record<RunKind, Tell>> = {
  backup: async (run, ended, tx, events) => {
    const { method } = readBackupOrder(run);
    const reserved = run.attempt > 0;
    const backupId = reserved
      ? await tx.backups.reserve({ runId: run.id, dataset: run.dataset, method, purpose: 'regular' })
      : null;
    await events.add(tx, run, BackupFailed, (head) => ({ ...head, ...ended, backupId }));
  },

  restore: async (run, ended, tx, events) => {
    const request = RestoreRequested.read(run.request, run.requestVersion);
    const restore = await tx.restores.find(run.id);
    await events.add(tx, run, RestoreFailed, (head) => ({
      ...{ ...head, ...ended, target: request.target },
      backupId: restore?.backupId ?? null,
      destination: restore?.destination ?? request.destination ?? null,
      safetyBackupId: restore?.safetyBackupId ?? null,
    }));
  },

  verification: (run, ended, tx, events) => {
    const { target, destination, profile } = VerificationRequested.read(run.request, run.requestVersion);
    return events.add(tx, run, VerificationFailed, (head) => ({ ...head, ...ended, target, destination, profile }));
  },

  replay: (run, ended, tx, events) => {
    const { mode } = ReplayRequested.read(run.request, run.requestVersion);
    return events.add(tx, run, ReplayFailed, (head) => ({ ...head, ...ended, mode }));
  },

  reindex: (run, ended, tx, events) => {
    const { target, destination = null } = ReindexRequested.read(run.request, run.requestVersion);
    return events.add(tx, run, ReindexFailed, (head) => ({ ...head, ...ended, target, destination }));
  },

  drill: async (run, ended, tx, events) => {
    const { drill = null, target, profile } = DrillRequested.read(run.request, run.requestVersion);
    const begun = await tx.drills.first(run.id);
    const backupId = begun?.backupId ?? null;
    await events.add(tx, run, DrillFailed, (head) => ({ ...head, ...ended, drill, backupId, target, profile }));
  },

  point: (run, ended, tx, events) =>
    events.add(tx, run, PointFailed, ({ dataset: point, ...head }) => ({ ...head, ...ended, point })),
};
