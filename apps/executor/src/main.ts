import 'reflect-metadata';
import { readPositionForBackup } from '#common/service/bus-positions.js';
import { startIntake } from '#common/service/nest/start-intake.js';
import type { Service } from '#common/service/open-service.js';
import { runService } from '#common/service/run-service.js';
import { startRunLoop } from '#common/service/runs/run-loop.js';
import { tellFailure } from '#common/service/runs/tell-failure.js';
import { holdfastVersion } from '#common/service/version.js';
import { startArchiving } from './archiving/archiving.js';
import { startDesks } from './archiving/desks.js';
import { executorIntake } from './intake/executor-intake.js';
import { backupRun } from './runs/backup.run.js';
import { drillRun } from './runs/drill.run.js';
import { reindexRun } from './runs/reindex.run.js';
import { restoreRun } from './runs/restore.run.js';
import { startEnding } from './sweeping/ending.js';
import { startSweeping } from './sweeping/sweeping.js';

const GROUP = 'holdfast-executor';

await runService('executor', async (service) => {
  startWork(service);
  const [ending, sweeping] = [startEnding(service), startSweeping(service)];
  const [archiving, desks] = [startArchiving(service), startDesks(service)];
  service.shutdown.add('archiving', () => Promise.all([archiving.stop(), desks.stop()]));
  service.shutdown.add('sweeping', () => Promise.all([ending.stop(), sweeping.stop()]));
  await startIntake(service, {
    group: GROUP,
    table: executorIntake(service.installation),
    http: service.installation.config.executor.http,
  });
});

/** Claims backups, restores, rebuilds and drills. */
function startWork(service: Service): void {
  const { catalog, events, installation, kafka, logger, metrics, owner, shutdown } = service;
  const { concurrency, slotsPerHost, claimTtlMs, claimRenewMs, drainMs, ...config } = installation.config.executor;
  const readBusPosition = (dataset: string, signal: AbortSignal) =>
    readPositionForBackup(installation, kafka, dataset, signal);
  const loop = startRunLoop({
    kinds: ['backup', 'restore', 'reindex', 'drill'],
    handlers: {
      backup: backupRun({ catalog, events, installation, readBusPosition, holdfastVersion }),
      restore: restoreRun({ catalog, events, installation, holdfastVersion, logger }),
      reindex: reindexRun({ catalog, events, installation }),
      drill: drillRun({ catalog, events, installation, metrics, logger }),
    },
    onFailed: tellFailure(events),
    ...{ catalog, owner, concurrency, claimTtlMs, drainMs, logger, metrics },
    slotsPerSourceHost: slotsPerHost,
    renewMs: claimRenewMs,
    patienceMs: {
      backup: config.retryForMs,
      restore: config.retryRestoresForMs,
      reindex: config.retryRestoresForMs,
      drill: config.retryForMs,
    },
  });
  shutdown.add('runs', () => loop.stop(), loop.stopsWithinMs);
}
