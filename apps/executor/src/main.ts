import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { HoldfastKafkaServer } from '#common/bus/nest/holdfast-kafka-server.js';
import { PgDumpEngine } from '#common/engines/postgres/pg-dump.engine.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { readPositionForBackup } from '#common/service/bus-positions.js';
import { startDirectIntake } from '#common/service/direct-intake.js';
import { toNestLogger } from '#common/service/nest-logger.js';
import { openService, type Service } from '#common/service/open-service.js';
import { startRunLoop } from '#common/service/run-loop.js';
import { holdfastVersion } from '#common/service/version.js';
import { executorModule } from './executor.module.js';
import { RequestTaker } from './intake/request-taker.js';
import { backupRun } from './runs/backup.run.js';
import { executorFailure } from './runs/failures.js';
import { restoreRun } from './runs/restore.run.js';

const GROUP = 'holdfast-executor';

const service = await openService('executor', process.argv);
service.shutdown.endOnSignals();
startWork(service);
await startIntake(service);

/** Claims backups and restores. */
function startWork(service: Service): void {
  const { catalog, facts, installation, kafka, logger, metrics, owner, shutdown } = service;
  const { concurrency, slotsPerHost, claimTtlMs, claimRenewMs } = installation.config.executor;
  const tools = new PgTools();
  const engine = new PgDumpEngine(tools);
  const readBusPosition = (dataset: string, signal: AbortSignal) =>
    readPositionForBackup(installation, kafka, dataset, signal);
  const loop = startRunLoop({
    kinds: ['backup', 'restore'],
    handlers: {
      backup: backupRun({ catalog, facts, installation, engine, readBusPosition, holdfastVersion }),
      restore: restoreRun({ catalog, facts, installation, engine, tools, holdfastVersion }),
    },
    onFailed: executorFailure(facts),
    ...{ catalog, owner, concurrency, claimTtlMs, logger, metrics },
    slotsPerSourceHost: slotsPerHost,
    renewMs: claimRenewMs,
  });
  shutdown.add('runs', () => loop.stop());
}

/** Takes requests from the bus, and from the outbox while the bus is down; answers health and metrics. */
async function startIntake(service: Service): Promise<void> {
  const { kafka, installation, deadLetters, logger, shutdown, topicPrefix } = service;
  const taker = new RequestTaker(installation, { ...service, consumer: GROUP });
  const app = await NestFactory.create(executorModule(service, taker), { logger: toNestLogger(logger) });
  app.connectMicroservice({
    strategy: new HoldfastKafkaServer({ kafka, groupId: topicPrefix + GROUP, topicPrefix, deadLetters, logger }),
  });
  shutdown.add('intake', () => app.close());
  const direct = startDirectIntake(service, RequestTaker.types, (event) => taker.take(event));
  shutdown.add('direct intake', () => direct.stop());
  await app.startAllMicroservices();
  const { host, port } = installation.config.executor.http;
  await app.listen(port, host);
  logger.info({ url: await app.getUrl() }, 'executor is ready');
}
