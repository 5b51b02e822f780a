import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { z } from 'zod';
import type { EventDefinition } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import type { BusContext } from './bus-context.js';

type Handler<T> = (event: Event<T>, context: BusContext) => Promise<void>;

/**
 * Makes a controller method the handler of one event type. It gets a parsed event in its current version, and its offset is
 * committed only after it resolved. What it throws decides: a retryable AppError is tried again, anything else is a dead letter.
 */
export const OnBusEvent =
  <S extends z.ZodObject>(definition: EventDefinition<S>) =>
  <H extends Handler<z.output<S>>>(target: object, name: string, descriptor: TypedPropertyDescriptor<H>): void => {
    const handle = descriptor.value as H;
    descriptor.value = async function (this: unknown, event: Event<z.output<S>>, context: BusContext): Promise<void> {
      try {
        await handle.call(this, event, context);
      } catch (error) {
        context.fail(error);
        throw error;
      }
    } as H;
    // Without these Nest passes the first argument only.
    Payload()(target, name, 0);
    Ctx()(target, name, 1);
    (EventPattern(definition.type) as MethodDecorator)(target, name, descriptor);
  };
