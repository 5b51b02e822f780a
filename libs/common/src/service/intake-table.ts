import type { z } from 'zod';
import type { Event } from '#common/contracts/envelope.js';
import { AppError } from '#common/errors/app-error.js';
import { type Intake, type IntakeDeps, takeRequest } from './intake.js';

type Take = (event: Event<unknown>, deps: IntakeDeps) => Promise<void>;

/** One type of request, and what a service does with it. */
export interface IntakeEntry {
  readonly definition: { readonly type: string };
  /** A redelivery is a no-op. Throws: catalog.unavailable. */
  readonly take: Take;
}

/** Every type of request that one service takes, from the bus or, while the bus is down, from the outbox: the same code for both ways. */
export type IntakeTable = readonly IntakeEntry[];

/** The entry of a request that becomes a run. */
export const runEntry = <T extends z.ZodObject, R extends z.ZodObject>(intake: Intake<T, R>): IntakeEntry => ({
  definition: intake.request,
  take: (event, deps) => takeRequest(event as Event<z.output<T>>, intake, deps),
});

export const typesOf = (table: IntakeTable): string[] => table.map(({ definition }) => definition.type);

/** Takes each event by the entry of its type. */
export function takeBy(table: IntakeTable, deps: IntakeDeps): (event: Event<unknown>) => Promise<void> {
  const entries = new Map(table.map(({ definition, take }) => [definition.type, take]));
  return async (event) => {
    const take = entries.get(event.type);
    if (take === undefined) throw new AppError('internal.bug', `${deps.consumer} does not take ${event.type}`);
    await take(event, deps);
  };
}
