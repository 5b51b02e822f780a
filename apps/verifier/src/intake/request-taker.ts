import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import type { Installation } from '#common/service/installation.js';
import { type IntakeDeps, takeRequest } from '#common/service/intake.js';
import { replayIntake } from './replay-requested.js';
import { verificationIntake } from './verification-requested.js';

/** The requests that verifiers take, from the bus or, while it is down, from the outbox: the same code for both ways. */
export class RequestTaker {
  static readonly types = [VerificationRequested.type, ReplayRequested.type];

  constructor(
    private readonly installation: Installation,
    private readonly deps: IntakeDeps,
  ) {}

  /** A redelivery is a no-op. Throws: catalog.unavailable. */
  take(event: Event<unknown>): Promise<void> {
    if (VerificationRequested.is(event)) {
      return takeRequest(
        event as Event<DataOf<typeof VerificationRequested>>,
        verificationIntake(this.installation),
        this.deps,
      );
    }
    if (ReplayRequested.is(event)) {
      return takeRequest(event as Event<DataOf<typeof ReplayRequested>>, replayIntake(this.installation), this.deps);
    }
    throw new AppError('internal.bug', `verifiers do not take ${event.type}`);
  }
}
