import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { ScheduleView } from '#common/contracts/api-views.js';
import { SERVICE } from './api.controller.js';
import { listSchedules, pauseSchedule, resumeSchedule, type ScheduleDeps } from './schedules.js';

/** What schedules will do, and whether they may. */
@Controller('api/v1/schedules')
export class SchedulesController {
  constructor(@Inject(SERVICE) private readonly deps: ScheduleDeps) {}

  @Get()
  async list(@Query() query: unknown): Promise<{ schedules: ScheduleView[] }> {
    return { schedules: await listSchedules(query, this.deps) };
  }

  @Post(':name/pause')
  @HttpCode(200)
  pause(@Param('name') name: string, @Body() body: unknown): Promise<ScheduleView> {
    return pauseSchedule(name, body, this.deps);
  }

  @Post(':name/resume')
  @HttpCode(200)
  resume(@Param('name') name: string): Promise<ScheduleView> {
    return resumeSchedule(name, this.deps);
  }
}
