import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Health } from '#common/service/health.js';
import { HealthController } from '#common/service/nest/health.controller.js';
import type { Service } from '#common/service/open-service.js';
import { ApiController, SERVICE } from './http/api.controller.js';
import { SchedulesController } from './http/schedules.controller.js';
import { PLANNING, PlanningController } from './planning/planning.controller.js';

@Module({})
class SchedulerModule {}

/** The tick, the API, health and metrics. The relay runs beside it. */
export const schedulerModule = (service: Service): DynamicModule => ({
  module: SchedulerModule,
  imports: [ScheduleModule.forRoot()],
  controllers: [PlanningController, ApiController, SchedulesController, HealthController],
  providers: [
    { provide: PLANNING, useValue: service },
    { provide: SERVICE, useValue: service },
    { provide: Health, useValue: new Health(service) },
  ],
});
