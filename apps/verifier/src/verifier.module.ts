import { type DynamicModule, Module } from '@nestjs/common';
import { Health } from '#common/service/health.js';
import { HealthController } from '#common/service/nest/health.controller.js';
import type { Service } from '#common/service/open-service.js';
import { IntakeController } from './intake/intake.controller.js';
import { RequestTaker } from './intake/request-taker.js';

@Module({})
class VerifierModule {}

/** What answers from outside: requests from the bus, health and metrics. The work itself is the run loop's. */
export const verifierModule = (service: Service, taker: RequestTaker): DynamicModule => ({
  module: VerifierModule,
  controllers: [IntakeController, HealthController],
  providers: [
    { provide: RequestTaker, useValue: taker },
    { provide: Health, useValue: new Health(service) },
  ],
});
