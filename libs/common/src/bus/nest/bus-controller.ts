import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Event } from '#common/contracts/envelope.js';
import type { BusContext } from './bus-context.js';

/**
 * A controller with one handler for all events of these types. The handler gets a parsed event in its current version, and the offset
 * is committed only after the handler resolved. What it throws decides: a retryable AppError is tried again, anything else is a dead letter.
 */
export function busController(
  types: readonly string[],
  handle: (event: Event<unknown>, context: BusContext) => Promise<void>,
): Type<object> {
  @Controller()
  class BusController {
    // Without `Payload` and `Ctx` Nest passes the first argument only.
    @EventPattern([...types])
    async take(@Payload() event: Event<unknown>, @Ctx() context: BusContext): Promise<void> {
      try {
        await handle(event, context);
      } catch (error) {
        context.fail(error);
        throw error;
      }
    }
  }
  return BusController;
}
