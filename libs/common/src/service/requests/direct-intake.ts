import type { OutboxEntry } from '#common/catalog/entities/outbox-entry.entity.js';
import type { Event, UntypedEvent } from '#common/contracts/envelope.js';
import { findEvent } from '#common/contracts/event-list.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { type Background, inBackground, repeat } from '../background/background.js';
import type { Service } from '../open-service.js';

export interface DirectIntakeOptions {
  readonly types: readonly string[];
  /** As in the inbox's key. */
  readonly consumer: string;
  readonly take: (event: Event<unknown>) => Promise<void>;
  /** Default 5 s. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 5_000;

/**
 * While the bus is down, or out of reach for us alone, takes from the outbox the requests that wait for it and those that it took last and
 * never delivered: the same code under the same ids, so that their later delivery is a no-op. An outage of the bus delays no backup
 * by more than the grace time, however many wait.
 */
export function startDirectIntake(
  service: Pick<Service, 'catalog' | 'directAfterMs' | 'logger'>,
  options: DirectIntakeOptions,
): Background {
  const { logger } = service;
  return inBackground((stopping) => {
    const intake = new DirectIntake(service, options, stopping);
    const everyMs = options.lookEveryMs ?? LOOK_EVERY_MS;
    const onFailure = (error: unknown) => logger.warn({ err: error }, 'looking into the outbox failed');
    return repeat(() => intake.look(), { everyMs, onFailure }, stopping);
  });
}

class DirectIntake {
  /** Said once each, and left to the bus, which puts what no service can take to the dead letters. */
  private readonly stuck = new Set<number>();

  constructor(
    private readonly service: Pick<Service, 'catalog' | 'directAfterMs' | 'logger'>,
    private readonly o: DirectIntakeOptions,
    private readonly stopping: AbortSignal,
  ) {}

  async look(): Promise<void> {
    const { catalog, directAfterMs: olderThanMs } = this.service;
    const { types, consumer } = this.o;
    let after = 0;
    while (!this.stopping.aborted) {
      const page = await catalog.transaction((tx) =>
        tx.outbox.untakenRequests({ types, consumer, olderThanMs, after }),
      );
      for (const entry of page) if (!this.stopping.aborted) await this.takeOne(entry);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  /** Throws: what may pass later; one that cannot be taken at all does not keep the others. */
  private async takeOne({ id, eventId, event }: OutboxEntry): Promise<void> {
    const { logger } = this.service;
    if (this.stuck.has(id)) return;
    try {
      await this.o.take(parse(event));
      logger.warn({ eventId }, 'request taken from the outbox: the bus has not delivered it in time');
    } catch (error) {
      if (toAppError(error).retryable) throw error;
      this.stuck.add(id);
      logger.error({ eventId, err: error }, 'request cannot be taken from the outbox, and is left to the bus');
    }
  }
}

function parse(event: UntypedEvent): Event<unknown> {
  const definition = findEvent(event.type);
  if (definition === undefined) throw new AppError('internal.bug', `the outbox holds an unknown type ${event.type}`);
  return definition.parse(event);
}
