import type { z } from 'zod';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import type { Causes, EventDefinition } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { toUuidV5 } from '#common/domain/ids.js';

/** What every event about a run says. */
export interface RunEventHead {
  readonly runId: string;
  readonly dataset: string;
  readonly sequence: number;
}

/** Writes events into the outbox, in the transaction that makes them true. */
export class EventWriter {
  constructor(private readonly options: { readonly instance: string; readonly topicPrefix: string }) {}

  /** `source` of every event of this installation. */
  get source(): string {
    return `holdfast://${this.options.instance}`;
  }

  /** An event about a run, numbered; its id derives from run and number. */
  async add<S extends z.ZodObject>(
    tx: CatalogTx,
    run: Run,
    definition: EventDefinition<S>,
    data: (head: RunEventHead) => z.input<S>,
  ): Promise<Event<z.output<S>>> {
    const sequence = await tx.runs.nextSequence(run.id);
    const id = toUuidV5('fact', run.id, String(sequence));
    return this.write(tx, definition, data({ runId: run.id, dataset: run.dataset, sequence }), {
      id,
      ...causesOf(run),
    });
  }

  /** Any other event, under an id that its cause determines. */
  async write<S extends z.ZodObject>(
    tx: CatalogTx,
    definition: EventDefinition<S>,
    data: z.input<S>,
    { id, ...causes }: Causes & { readonly id: string },
  ): Promise<Event<z.output<S>>> {
    const event = definition.create(data, { id, source: this.source, time: await tx.now(), ...causes });
    await tx.outbox.add(event, { topic: this.options.topicPrefix + definition.type, key: definition.key(event.data) });
    return event;
  }
}

const causesOf = (run: Run): Causes => ({
  correlationid: run.correlationId ?? run.requestId,
  causationid: run.requestId,
  traceparent: run.traceparent ?? undefined,
});
