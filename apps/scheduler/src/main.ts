import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { toNestLogger } from '#common/service/nest/nest-logger.js';
import type { Service } from '#common/service/open-service.js';
import { runService } from '#common/service/run-service.js';
import { problemFilter } from './http/problem-filter.js';
import { requireToken } from './http/require-token.js';
import { startRelay } from './relay/relay.js';
import { schedulerModule } from './scheduler.module.js';
import { startSettling } from './sweeping/settling.js';
import { startSweeping } from './sweeping/sweeping.js';

await runService('scheduler', async (service) => {
  startRelaying(service);
  startTidying(service);
  await startApi(service);
});

function startRelaying({ catalog, logger, metrics, owner, publisher, shutdown }: Service): void {
  const relay = startRelay({ catalog, owner, logger, metrics, publish: (events) => publisher.publish(events) });
  shutdown.add('relay', () => relay.stop());
}

function startTidying(service: Service): void {
  const { settleRestoresAfterMs: restoresAfterMs } = service.installation.config.scheduler;
  const [settling, sweeping] = [startSettling({ ...service, restoresAfterMs }), startSweeping(service)];
  service.shutdown.add('sweep', () => sweeping.stop());
  service.shutdown.add('settling', () => settling.stop());
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
