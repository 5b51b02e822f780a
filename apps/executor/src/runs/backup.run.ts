import { randomBytes } from 'node:crypto';
import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import { BackupCompleted } from '#common/contracts/events/backup-completed.event.js';
import { BackupProgressed } from '#common/contracts/events/backup-progressed.event.js';
import { BackupStarted } from '#common/contracts/events/backup-started.event.js';
import { BackupSuspicious } from '#common/contracts/events/backup-suspicious.event.js';
import type { Manifest } from '#common/contracts/manifest.js';
import { toUuidV5 } from '#common/domain/ids.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { manifestKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';
import { readBackupOrder } from '#common/service/requests/backup-order.js';
import { reportProgress } from '#common/service/runs/progress-reporter.js';
import { toBackupView } from '#common/service/views/backup-view.js';

export interface BackupRunDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly installation: Installation;
  /** Where the dataset's topics stand now; undefined for a dataset without topics. */
  readonly readBusPosition: (dataset: string, signal: AbortSignal) => Promise<BusPosition | undefined>;
  readonly holdfastVersion: string;
}

/** Manifest → catalog row and event, in one transaction fenced by the attempt. Adopts a manifest that a crashed attempt left. */
export const backupRun =
  (d: BackupRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const { method, ...order } = readBackupOrder(run);
    const dataset = d.installation.dataset(order.dataset);
    const repository = d.installation.primaryRepository(dataset.name);
    const backupId = await d.catalog.transaction(async (tx) => {
      await tx.runs.assertHeld(run.claim);
      const id = await tx.backups.reserve({ runId: run.id, dataset: dataset.name, method, purpose: 'regular' });
      const startedAt = (await tx.now()).toISOString();
      await d.events.add(tx, run, BackupStarted, (head) => ({
        ...head,
        attempt: run.attempt,
        backupId: id,
        method,
        startedAt,
      }));
      return id;
    });

    const progress = reportProgress(
      run,
      { definition: BackupProgressed, data: (head, seen) => ({ ...head, ...seen, attempt: run.attempt, backupId }) },
      d,
    );
    const { signal } = run.claim;
    const attempt = {
      ...{ dataset, backupId, runId: run.id, attempt: run.attempt, purpose: 'regular' as const, method },
      nonce: randomBytes(4).toString('hex'),
    };
    const warnings: string[] = [];
    const take = (): Promise<Manifest> =>
      takeBackup(
        attempt,
        {
          engine: d.installation.engineOf(dataset.name),
          repository,
          clock: () => new Date(),
          holdfastVersion: d.holdfastVersion,
          workDirectory: d.installation.config.executor.workDirectory,
          readBusPosition: () => d.readBusPosition(dataset.name, signal),
          onProgress: progress.report,
          onWarnings: (told) => warnings.push(...told),
        },
        signal,
      );
    const manifest = await findBackup(repository, dataset.name, backupId, { signal })
      .then((found) => found ?? take())
      .finally(progress.stop);
    if (warnings.length === 0) warnings.push(...manifest.warnings);

    await d.catalog.transaction(async (tx) => {
      const copy = { repository: repository.name, manifestKey: manifestKey(manifest.attemptKey) };
      const view = toBackupView(manifest, repository.name);
      await tx.runs.settle(run.claim, { state: 'completed', result: { backupId, ...view, warnings } });
      await tx.backups.record(manifest, copy);
      const { suspicious } = manifest;
      const { id: _, ...said } = view;
      await d.events.add(tx, run, BackupCompleted, (head) => ({
        ...{ ...head, ...said, ...copy, attempt: run.attempt, backupId, method, warnings },
        startedAt: manifest.startedAt,
      }));
      if (suspicious.length === 0) return;
      await tx.suspicions.record(backupId, suspicious);
      const strange = { dataset: dataset.name, backupId, method, repository: repository.name };
      const causes = { correlationid: run.correlationId ?? run.requestId, causationid: run.requestId };
      await d.events.write(
        tx,
        BackupSuspicious,
        { ...strange, snapshotAt: manifest.snapshotAt, reasons: [...suspicious] },
        { id: toUuidV5('suspicious', backupId), ...causes },
      );
    });
  };
