import type { EachMessagePayload } from 'kafkajs';
import { parseMessage } from '#common/bus/cloud-event-codec.js';
import type { DeadLetterBox } from '#common/bus/dead-letter.js';
import { findUnreadable } from '#common/bus/kafkajs/fetch.js';
import type { Event } from '#common/contracts/envelope.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { BusContext } from './bus-context.js';
import { keepTrying, type Patience } from './keep-trying.js';

export interface Delivery extends Omit<Patience, 'heartbeat'> {
  readonly groupId: string;
  readonly topicPrefix: string;
  readonly deadLetters: DeadLetterBox;
  /** Rejects with what the handler of the type threw. */
  readonly handle: (event: Event<unknown>, context: BusContext) => Promise<void>;
}

/**
 * Brings one message to its handler or, when no handler can ever take it, to the dead letters. Resolves when its offset may be
 * committed, and not before one of the two happened. Throws only to have the same message again: a rebalance, a shutdown.
 */
export async function deliverMessage(payload: EachMessagePayload, delivery: Delivery): Promise<void> {
  const patience = { ...delivery, heartbeat: payload.heartbeat };
  try {
    const broken = findUnreadable(payload.message);
    if (broken !== undefined) throw broken;
    const event = parseMessage(payload.message, payload.topic.slice(delivery.topicPrefix.length));
    await keepTrying(() => handleOnce(event, payload, delivery), patience);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    await keepTrying(() => bury(payload, error, delivery), patience);
  }
}

/** A handler gets a context of its own for every try. */
async function handleOnce(event: Event<unknown>, payload: EachMessagePayload, delivery: Delivery): Promise<void> {
  const context = new BusContext(payload.topic, payload.partition, payload.message.offset);
  try {
    await delivery.handle(event, context);
  } catch (error) {
    throw toAppError(context.failed === undefined ? error : context.failed.error);
  }
  if (context.failed !== undefined) throw toAppError(context.failed.error);
}

async function bury(
  { topic, partition, message }: EachMessagePayload,
  error: AppError,
  delivery: Delivery,
): Promise<void> {
  const { offset, timestamp, key, value, headers } = message;
  const at = { topic, partition, offset, timestamp, group: delivery.groupId };
  await delivery.deadLetters.put({ ...at, key, value, headers, error });
  delivery.logger.error({ topic, partition, offset, code: error.code }, `dead letter: ${error.message}`);
}
