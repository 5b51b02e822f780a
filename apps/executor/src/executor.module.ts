import { type DynamicModule, Module } from '@nestjs/common';
import { Health } from '#common/service/health.js';
import { HealthController } from '#common/service/nest/health.controller.js';
import type { Service } from '#common/service/open-service.js';
import { IntakeController } from './intake/intake.controller.js';
import { RequestTaker } from './intake/request-taker.js';

@Module({})
class ExecutorModule {}

/** What answers from outside: requests from the bus, health and metrics. The work itself is the run loop's. */
export const executorModule = (service: Service, taker: RequestTaker): DynamicModule => ({
  module: ExecutorModule,
  controllers: [IntakeController, HealthController],
  providers: [
    { provide: RequestTaker, useValue: taker },
    { provide: Health, useValue: new Health(service) },
  ],
});
