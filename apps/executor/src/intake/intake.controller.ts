import { Controller, Inject } from '@nestjs/common';
import { OnBusEvent } from '#common/bus/nest/on-bus-event.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { RunCancelRequested } from '#common/contracts/events/run-cancel-requested.event.js';
import { RequestTaker } from './request-taker.js';

/** Requests for the executor: each is remembered and queued in milliseconds, never worked on here. */
@Controller()
export class IntakeController {
  constructor(@Inject(RequestTaker) private readonly taker: RequestTaker) {}

  @OnBusEvent(BackupRequested)
  onBackupRequested(event: Event<DataOf<typeof BackupRequested>>): Promise<void> {
    return this.taker.take(event);
  }

  @OnBusEvent(RestoreRequested)
  onRestoreRequested(event: Event<DataOf<typeof RestoreRequested>>): Promise<void> {
    return this.taker.take(event);
  }

  @OnBusEvent(RunCancelRequested)
  onRunCancelRequested(event: Event<DataOf<typeof RunCancelRequested>>): Promise<void> {
    return this.taker.take(event);
  }
}
