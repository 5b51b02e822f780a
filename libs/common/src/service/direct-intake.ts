import { setTimeout as sleep } from 'node:timers/promises';
import type { Event, UntypedEvent } from '#common/contracts/envelope.js';
import { findEvent } from '#common/contracts/event-list.js';
import { AppError } from '#common/errors/app-error.js';
import type { Service } from './open-service.js';

const LOOK_EVERY_MS = 5_000;

/**
 * While the bus is down, takes the requests that wait for it in the outbox: the same code under the same ids, so that their later
 * delivery is a no-op. An outage of the bus delays no backup by more than the grace time.
 */
export function startDirectIntake(
  { catalog, directAfterMs, logger }: Service,
  types: readonly string[],
  take: (event: Event<unknown>) => Promise<void>,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const taken = new Set<string>();

  const look = async (): Promise<void> => {
    const waiting = await catalog.transaction((tx) => tx.outbox.unpublishedRequests(types, directAfterMs));
    for (const { eventId, event } of waiting) {
      if (taken.has(eventId)) continue;
      await take(parse(event as unknown as UntypedEvent));
      taken.add(eventId);
      logger.warn({ eventId }, 'request taken from the outbox: the bus has not taken it in time');
    }
    if (waiting.length === 0) taken.clear();
  };

  const looking = (async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) => logger.warn({ err: error }, 'looking into the outbox failed'));
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();

  return {
    stop: async () => {
      stopping.abort();
      await looking;
    },
  };
}

function parse(event: UntypedEvent): Event<unknown> {
  const definition = findEvent(event.type);
  if (definition === undefined) throw new AppError('internal.bug', `the outbox holds an unknown type ${event.type}`);
  return definition.parse(event);
}
