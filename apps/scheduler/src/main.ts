import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { toNestLogger } from '#common/service/nest/nest-logger.js';
import type { Service } from '#common/service/open-service.js';
import { runService } from '#common/service/run-service.js';
import { startRunLoop } from '#common/service/runs/run-loop.js';
import { tellFailure } from '#common/service/runs/tell-failure.js';
import { holdfastVersion } from '#common/service/version.js';
import { ownCommandLine } from './evaluating/command-line.js';
import { startEvaluating } from './evaluating/evaluating.js';
import { problemFilter } from './http/problem-filter.js';
import { requireToken } from './http/require-token.js';
import { pointRun } from './points/point.run.js';
import { startRelay } from './relay/relay.js';
import { schedulerModule } from './scheduler.module.js';
import { startSettling } from './sweeping/settling.js';
import { startSweeping } from './sweeping/sweeping.js';

/** Recovery points wait for backups that executors take, and do next to nothing themselves. */
const POINTS_AT_ONCE = 16;

await runService('scheduler', async (service) => {
  startRelaying(service);
  startTidying(service);
  startPoints(service);
  await startApi(service);
});

function startRelaying({ catalog, logger, metrics, owner, publisher, shutdown }: Service): void {
  const relay = startRelay({ catalog, owner, logger, metrics, publish: (events) => publisher.publish(events) });
  shutdown.add('relay', () => relay.stop());
}

function startTidying(service: Service): void {
  const { settleRestoresAfterMs: restoresAfterMs } = service.installation.config.scheduler;
  const [settling, sweeping] = [startSettling({ ...service, restoresAfterMs }), startSweeping(service)];
  const commandLine = ownCommandLine(service.configFile, process.argv[1] ?? '');
  const evaluating = startEvaluating({ ...service, commandLine });
  service.shutdown.add('evaluating', () => evaluating.stop());
  service.shutdown.add('sweep', () => sweeping.stop());
  service.shutdown.add('settling', () => settling.stop());
}

function startPoints(service: Service): void {
  const { catalog, events, installation, logger, metrics, owner, shutdown } = service;
  const { claimTtlMs, claimRenewMs, slotsPerHost, retryForMs } = installation.config.executor;
  const loop = startRunLoop({
    kinds: ['point'],
    handlers: { point: pointRun({ catalog, events, installation, holdfastVersion }) },
    onFailed: tellFailure(events),
    ...{ catalog, owner, concurrency: POINTS_AT_ONCE, claimTtlMs, logger, metrics },
    ...{ renewMs: claimRenewMs, slotsPerSourceHost: slotsPerHost, drainMs: 0, patienceMs: { point: retryForMs } },
  });
  shutdown.add('points', () => loop.stop(), loop.stopsWithinMs);
}

async function startApi(service: Service): Promise<void> {
  const { installation, logger, shutdown } = service;
  const { api, scheduler } = installation.config;
  const app = await NestFactory.create(schedulerModule(service), { logger: toNestLogger(logger) });
  app.use('/api', requireToken(api?.token));
  app.useGlobalFilters(problemFilter(logger));
  shutdown.add('api', () => app.close());
  await app.listen(scheduler.http.port, scheduler.http.host);
  logger.info({ url: await app.getUrl() }, 'scheduler is ready');
}
