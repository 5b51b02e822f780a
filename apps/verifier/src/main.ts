import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { HoldfastKafkaServer } from '#common/bus/nest/holdfast-kafka-server.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { startDirectIntake } from '#common/service/direct-intake.js';
import { toNestLogger } from '#common/service/nest-logger.js';
import { openService, type Service } from '#common/service/open-service.js';
import { startRunLoop } from '#common/service/run-loop.js';
import { RequestTaker } from './intake/request-taker.js';
import { verifierFailure } from './runs/failures.js';
import { replayRun } from './runs/replay.run.js';
import { verificationRun } from './runs/verification.run.js';
import { verifierModule } from './verifier.module.js';

const GROUP = 'holdfast-verifier';

const service = await openService('verifier', process.argv);
service.shutdown.endOnSignals();
startWork(service);
await startIntake(service);

/** Claims verifications and replays. */
function startWork(service: Service): void {
  const { catalog, facts, installation, kafka, logger, metrics, owner, shutdown } = service;
  const { concurrency, slotsPerHost, claimTtlMs, claimRenewMs } = installation.config.verifier;
  const loop = startRunLoop({
    kinds: ['verification', 'replay'],
    handlers: {
      verification: verificationRun({ catalog, facts, installation, metrics, tools: new PgTools() }),
      replay: replayRun({ catalog, facts, installation, kafka }),
    },
    onFailed: verifierFailure(facts),
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
  const app = await NestFactory.create(verifierModule(service, taker), { logger: toNestLogger(logger) });
  app.connectMicroservice({
    strategy: new HoldfastKafkaServer({ kafka, groupId: topicPrefix + GROUP, topicPrefix, deadLetters, logger }),
  });
  shutdown.add('intake', () => app.close());
  const direct = startDirectIntake(service, RequestTaker.types, (event) => taker.take(event));
  shutdown.add('direct intake', () => direct.stop());
  await app.startAllMicroservices();
  const { host, port } = installation.config.verifier.http;
  await app.listen(port, host);
  logger.info({ url: await app.getUrl() }, 'verifier is ready');
}
