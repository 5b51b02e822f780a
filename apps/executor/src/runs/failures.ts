import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import { BackupFailed } from '#common/contracts/events/backup-failed.event.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { RestoreFailed } from '#common/contracts/events/restore-failed.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import type { Problem } from '#common/errors/app-error.js';
import type { Facts } from '#common/service/facts.js';

/** The fact of a run that ended without success, in the transaction that settles it. */
export const executorFailure =
  (facts: Facts) =>
  async (run: Run, problem: Problem, tx: CatalogTx): Promise<void> => {
    const ended = { attempts: run.attempt, error: problem, failedAt: (await tx.now()).toISOString() };
    if (run.kind === 'restore') return addRestoreFailed(run, ended, tx, facts);
    const { method } = BackupRequested.data.parse(run.request);
    const reserved = run.attempt > 0;
    const backupId = reserved
      ? await tx.backups.reserve({ runId: run.id, dataset: run.dataset, method, purpose: 'regular' })
      : null;
    await facts.add(tx, run, BackupFailed, (head) => ({ ...head, ...ended, backupId }));
  };

interface Ended {
  readonly attempts: number;
  readonly error: Problem;
  readonly failedAt: string;
}

async function addRestoreFailed(run: Run, ended: Ended, tx: CatalogTx, facts: Facts): Promise<void> {
  const request = RestoreRequested.data.parse(run.request);
  const restore = await tx.restores.find(run.id);
  await facts.add(tx, run, RestoreFailed, (head) => ({
    ...{ ...head, ...ended, target: request.target },
    backupId: restore?.backupId ?? null,
    database: restore?.database ?? request.database ?? null,
    safetyBackupId: restore?.safetyBackupId ?? null,
  }));
}
