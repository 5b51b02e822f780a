import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type {
  BackupListView,
  DrillCoverageView,
  PlanEvaluationView,
  RequestView,
  RunListView,
  RunView,
} from '#common/contracts/api-views.js';
import type { RunId } from '#common/domain/ids.js';
import { isUuid } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import type { Service } from '#common/service/open-service.js';
import { toRunView } from '#common/service/views/run-view.js';
import { listBackups } from './backups.js';
import { listDrills } from './drills.js';
import { listEvaluations } from './evaluations.js';
import { parseRunFilter, RequestBody } from './queries.js';
import { findRequest, publishRequest } from './requests.js';
import { listRuns } from './runs.js';

export const SERVICE = Symbol('service');

/** Reads the catalog and publishes requests. No rule lives here: what is allowed is decided where requests are taken. */
@Controller('api/v1')
export class ApiController {
  constructor(@Inject(SERVICE) private readonly service: Service) {}

  @Post('requests/:type')
  @HttpCode(202)
  request(@Param('type') type: string, @Body() body: unknown): Promise<RequestView> {
    return publishRequest(type, RequestBody.parse(body), this.service);
  }

  @Get('requests/:id')
  findRequest(@Param('id') id: string): Promise<RequestView> {
    return findRequest(id, this.service);
  }

  @Get('runs')
  runs(@Query() query: unknown): Promise<RunListView> {
    return listRuns(parseRunFilter(query), this.service);
  }

  @Get('runs/:id')
  async run(@Param('id') id: string): Promise<RunView> {
    return toRunView(await this.service.catalog.transaction((tx) => tx.runs.load(toUuid(id) as RunId)));
  }

  @Get('backups')
  backups(@Query() query: unknown): Promise<BackupListView> {
    return listBackups(query, this.service);
  }

  @Get('drills')
  async drills(): Promise<{ drills: DrillCoverageView[] }> {
    return { drills: await listDrills(this.service) };
  }

  @Get('plans')
  async plans(): Promise<{ plans: PlanEvaluationView[] }> {
    return { plans: await listEvaluations(this.service) };
  }
}

function toUuid(text: string): string {
  if (isUuid(text)) return text;
  throw new AppError('request.invalid', `"${text}" is not a run id`);
}
