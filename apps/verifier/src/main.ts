import 'reflect-metadata';
import { startIntake } from '#common/service/nest/start-intake.js';
import type { Service } from '#common/service/open-service.js';
import { runService } from '#common/service/run-service.js';
import { startRunLoop } from '#common/service/runs/run-loop.js';
import { tellFailure } from '#common/service/runs/tell-failure.js';
import { verifierIntake } from './intake/verifier-intake.js';
import { replayRun } from './runs/replay.run.js';
import { verificationRun } from './runs/verification.run.js';

const GROUP = 'holdfast-verifier';

await runService('verifier', async (service) => {
  startWork(service);
  await startIntake(service, {
    group: GROUP,
    table: verifierIntake(service.installation),
    http: service.installation.config.verifier.http,
  });
});

/** Claims verifications and replays. */
function startWork(service: Service): void {
  const { catalog, events, installation, kafka, logger, metrics, owner, shutdown } = service;
  const { concurrency, slotsPerHost, claimTtlMs, claimRenewMs, drainMs, retryForMs } = installation.config.verifier;
  const loop = startRunLoop({
    kinds: ['verification', 'replay'],
    handlers: {
      verification: verificationRun({ catalog, events, installation, metrics, logger }),
      replay: replayRun({ catalog, events, installation, kafka }),
    },
    onFailed: tellFailure(events),
    ...{ catalog, owner, concurrency, claimTtlMs, drainMs, logger, metrics },
    slotsPerSourceHost: slotsPerHost,
    renewMs: claimRenewMs,
    patienceMs: { verification: retryForMs, replay: retryForMs },
  });
  shutdown.add('runs', () => loop.stop(), loop.stopsWithinMs);
}
