import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { RunCancelRequested } from '#common/contracts/events/run-cancel-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import type { Installation } from '#common/service/installation.js';
import { type IntakeDeps, takeRequest } from '#common/service/intake.js';
import { takeCancel } from '#common/service/take-cancel.js';
import { backupIntake } from './backup-requested.js';
import { restoreIntake } from './restore-requested.js';

/** The requests that executors take, from the bus or, while it is down, from the outbox: the same code for both ways. */
export class RequestTaker {
  static readonly types = [BackupRequested.type, RestoreRequested.type, RunCancelRequested.type];

  constructor(
    private readonly installation: Installation,
    private readonly deps: IntakeDeps,
  ) {}

  /** A redelivery is a no-op. Throws: catalog.unavailable. */
  take(event: Event<unknown>): Promise<void> {
    if (BackupRequested.is(event)) {
      return takeRequest(event as Event<DataOf<typeof BackupRequested>>, backupIntake(this.installation), this.deps);
    }
    if (RestoreRequested.is(event)) {
      return takeRequest(event as Event<DataOf<typeof RestoreRequested>>, restoreIntake(this.installation), this.deps);
    }
    if (RunCancelRequested.is(event)) return takeCancel(event as Event<DataOf<typeof RunCancelRequested>>, this.deps);
    throw new AppError('internal.bug', `executors do not take ${event.type}`);
  }
}
