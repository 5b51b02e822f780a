import { Controller, Get, Header, HttpStatus, Inject, Res } from '@nestjs/common';
import { Health } from '#common/service/health.js';

interface HttpResponse {
  status(code: number): HttpResponse;
  json(body: unknown): void;
}

/** For orchestrators and Prometheus: no token needed. */
@Controller()
export class HealthController {
  constructor(@Inject(Health) private readonly health: Health) {}

  /** The process runs and its event loop turns. */
  @Get('health/live')
  live(): object {
    return { status: 'live' };
  }

  /** What the service needs answers; 503 and the names of what does not. */
  @Get('health/ready')
  async ready(@Res() response: HttpResponse): Promise<void> {
    const { isReady, checks } = await this.health.check();
    response
      .status(isReady ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
      .json({ status: isReady ? 'ready' : 'not ready', checks });
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(): Promise<string> {
    return this.health.metrics();
  }
}
