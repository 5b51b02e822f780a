import type { Event } from '#common/contracts/envelope.js';
import { findEvent } from '#common/contracts/event-list.js';
import { AppError } from '#common/errors/app-error.js';
import { fromKafkaMessage, type IncomingMessage } from './cloud-event-codec.js';

/**
 * Reads a message of the topic that carries events of `type`, in its current version. A message that breaks the reader is one that nobody
 * can take, like any other: it may hold up nothing. Throws: request.invalid for what is no event, belongs on another topic, or has a version
 * or data that nobody knows; nothing else.
 */
export function parseMessage(message: IncomingMessage, type: string): Event<unknown> {
  try {
    return parse(message, type);
  } catch (error) {
    if (error instanceof AppError && error.code === 'request.invalid') throw error;
    const reason = `message cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`;
    throw new AppError('request.invalid', reason, { issues: [reason] }, { cause: error });
  }
}

function parse(message: IncomingMessage, expected: string): Event<unknown> {
  const event = fromKafkaMessage(message);
  const definition = findEvent(event.type);
  if (definition === undefined)
    throw new AppError('request.invalid', `event type "${event.type}" is unknown`, { issues: ['type: unknown'] });
  if (event.type !== expected)
    throw new AppError('request.invalid', `event type "${event.type}" does not belong on the topic of ${expected}`, {
      issues: [`type: expected ${expected}`],
    });
  return definition.parse(event);
}
