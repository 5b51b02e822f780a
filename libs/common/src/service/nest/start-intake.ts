import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { busController } from '#common/bus/nest/bus-controller.js';
import { HoldfastKafkaServer } from '#common/bus/nest/holdfast-kafka-server.js';
import { Health } from '#common/service/health.js';
import type { Service } from '#common/service/open-service.js';
import { startDirectIntake } from '#common/service/requests/direct-intake.js';
import { type IntakeTable, takeBy, typesOf } from '#common/service/requests/intake.js';
import { tellLosses } from '#common/service/tell-losses.js';
import { HealthController } from './health.controller.js';
import { toNestLogger } from './nest-logger.js';

/** A process that was killed keeps requests waiting for this long: only then the broker gives its partitions away. */
const SESSION_MS = 10_000;

export interface IntakeOptions {
  /** The consumer group, behind the topic prefix, and the consumer in the inbox's key. */
  readonly group: string;
  readonly table: IntakeTable;
  readonly http: { readonly host: string; readonly port: number };
}

@Module({})
class WorkerModule {}

/** What answers from outside: requests from the bus, health and metrics. The work itself is the run loop's. */
const workerModule = (service: Service, requests: Type<object>): DynamicModule => ({
  module: WorkerModule,
  controllers: [requests, HealthController],
  providers: [{ provide: Health, useValue: new Health(service) }],
});

/** Takes requests from the bus, and from the outbox while the bus is down; answers health and metrics. Stops with the service. */
export async function startIntake(service: Service, o: IntakeOptions): Promise<void> {
  const { kafka, deadLetters, intake: state, logger, shutdown, topicPrefix } = service;
  const groupId = topicPrefix + o.group;
  const types = typesOf(o.table);
  const take = takeBy(o.table, { ...service, consumer: o.group });
  const app = await NestFactory.create(workerModule(service, busController(types, take)), {
    logger: toNestLogger(logger),
  });
  app.connectMicroservice({
    strategy: new HoldfastKafkaServer({
      ...{ kafka, groupId, topicPrefix, deadLetters, logger, ...(state && { state }) },
      losses: tellLosses({ ...service, group: groupId }),
      sessionTimeoutMs: SESSION_MS,
    }),
  });
  shutdown.add('intake', () => app.close());
  const direct = startDirectIntake(service, { types, consumer: o.group, take });
  shutdown.add('direct intake', () => direct.stop());
  await app.startAllMicroservices();
  await app.listen(o.http.port, o.http.host);
  logger.info({ url: await app.getUrl() }, `${service.name} is ready`);
}
