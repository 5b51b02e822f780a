import { Controller, Inject } from '@nestjs/common';
import { OnBusEvent } from '#common/bus/nest/on-bus-event.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import { RequestTaker } from './request-taker.js';

/** Requests for the verifier: each is remembered and queued in milliseconds, never worked on here. */
@Controller()
export class IntakeController {
  constructor(@Inject(RequestTaker) private readonly taker: RequestTaker) {}

  @OnBusEvent(VerificationRequested)
  onVerificationRequested(event: Event<DataOf<typeof VerificationRequested>>): Promise<void> {
    return this.taker.take(event);
  }

  @OnBusEvent(ReplayRequested)
  onReplayRequested(event: Event<DataOf<typeof ReplayRequested>>): Promise<void> {
    return this.taker.take(event);
  }
}
