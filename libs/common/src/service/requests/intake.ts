import type { z } from 'zod';
import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { NewRun } from '#common/catalog/stores/runs/run-queue.store.js';
import type { EventDefinition } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { type RunId, toRunId, toUuidV5 } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { assertNotFromFuture } from '#common/domain/request.policy.js';
import { AppError, type Problem, toProblem } from '#common/errors/app-error.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import type { EventWriter } from '../event-writer.js';

export interface IntakeDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  /** Part of the inbox key: each service sees each request once. */
  readonly consumer: string;
  readonly metrics?: Pick<Metrics, 'rejections'>;
  readonly logger?: Logger;
}

/** A new run as a service decides it from a request; identity and causes come from the envelope. */
export type RunDraft = Pick<NewRun, 'kind' | 'dataset' | 'resource' | 'sourceHost' | 'deadlineAt' | 'maxAttempts'> & {
  readonly priority?: number;
  /** What the request left open, as the configuration answers it now: the run keeps these with what it was asked. */
  readonly resolved?: JsonObject;
};

export interface Intake<T extends z.ZodObject, R extends z.ZodObject> {
  readonly request: EventDefinition<T>;
  /** Pure: what the configuration makes of the request. Throws an AppError with exit `refused` or `badInput` to reject it. */
  readonly decide: (event: Event<z.output<T>>, now: Date) => RunDraft;
  readonly rejection: EventDefinition<R>;
  readonly toRejection: (data: z.output<T>, head: RejectionHead) => z.input<R>;
}

export interface RejectionHead {
  readonly requestId: string;
  readonly requestSource: string;
  readonly error: Problem;
}

/** Requests may come again for as long as the bus keeps them; what we remember must outlive that. */
const REMEMBER_MS = 35 * 24 * 3_600_000;

interface Taking<T extends z.ZodObject> {
  readonly request: EventDefinition<T>;
  /** Does what is asked; what it returns goes into the audit trail. Throws an AppError that is not retryable to refuse. */
  readonly take: (tx: CatalogTx, event: Event<z.output<T>>, now: Date) => Promise<JsonObject>;
  /** Says so on the bus. */
  readonly reject: (tx: CatalogTx, event: Event<z.output<T>>, head: RejectionHead) => Promise<unknown>;
}

/**
 * Takes one event in a single transaction of milliseconds: remembered and done, or remembered and rejected; either way in the audit
 * trail. A redelivery changes nothing. Throws: catalog.unavailable (the bus delivers again), request.not-ours.
 */
export async function takeOnce<T extends z.ZodObject>(
  delivered: Event<z.output<T>>,
  deps: IntakeDeps,
  taking: Taking<T>,
): Promise<void> {
  const refusal = await deps.catalog
    .transaction((tx) => takeIn(tx, delivered, { ...deps, ...taking }))
    .catch(async (error: unknown) => {
      if (error instanceof AppError && error.code === 'request.not-ours') await auditForgery(delivered, error, deps);
      throw error;
    });
  if (refusal !== undefined) tellRejection(delivered, refusal, deps);
}

async function takeIn<T extends z.ZodObject>(
  tx: CatalogTx,
  delivered: Event<z.output<T>>,
  o: IntakeDeps & Taking<T>,
): Promise<AppError | undefined> {
  const { consumer, events, request, take, reject } = o;
  const now = await tx.now();
  const keepUntil = new Date(now.getTime() + REMEMBER_MS);
  const { source, id } = delivered;
  if (!(await tx.inbox.remember({ consumer, source, id, keepUntil }))) return undefined;
  const event = source === events.source ? await loadOwn(tx, delivered, request) : delivered;
  try {
    assertNotFromFuture(`${event.type} ${event.id}`, event.time, now);
    await writeAudit(tx, event, 'accepted', await take(tx, event, now));
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const problem = toProblem(error);
    // Every consumer of the topic reads it: what the configuration names besides is for the audit trail and the API alone.
    await reject(tx, event, { requestId: event.id, requestSource: event.source, error: { ...problem, context: {} } });
    await writeAudit(tx, event, 'rejected', { error: problem as unknown as JsonObject });
    return error;
  }
}

/**
 * A source is only a claim, and every client of the bus can compute the ids of our own requests: ours is what our outbox holds under that id,
 * and nothing else. Throws: request.not-ours, which also undoes that the id is remembered, for the true request may be yet to come.
 */
async function loadOwn<T extends z.ZodObject>(
  tx: CatalogTx,
  delivered: Event<unknown>,
  request: EventDefinition<T>,
): Promise<Event<z.output<T>>> {
  const entry = await tx.outbox.findOwn(delivered);
  if (entry !== undefined) return request.parse(entry.event);
  const { type, id, source } = delivered;
  throw new AppError('request.not-ours', `${type} ${id} claims to come from ${source}, whose outbox does not hold it`, {
    requestId: id,
    claimedSource: source,
  });
}

/** Under no subject of ours: `GET requests/:id` answers about what we asked for. */
const auditForgery = (event: Event<unknown>, error: AppError, { catalog }: IntakeDeps): Promise<void> =>
  catalog.transaction((tx) =>
    tx.audit.write({
      actor: 'unknown',
      action: event.type,
      subject: event.id,
      outcome: 'refused',
      detail: { claimedSource: event.source, error: toProblem(error) as unknown as JsonObject },
    }),
  );

/** A refusal comes before anything was written: what fails in the database ends the transaction and is tried again. */
const isRefusal = (error: unknown): error is AppError =>
  error instanceof AppError && !error.retryable && error.code !== 'internal.bug';

/** Takes one request for a run: queued once, or rejected. */
export function takeRequest<T extends z.ZodObject, R extends z.ZodObject>(
  event: Event<z.output<T>>,
  intake: Intake<T, R>,
  deps: IntakeDeps,
): Promise<void> {
  return takeOnce(event, deps, {
    request: intake.request,
    take: (tx, own, now) => enqueue(tx, own, { ...intake.decide(own, now), requestVersion: intake.request.version }),
    reject: (tx, own, head) =>
      deps.events.write(tx, intake.rejection, intake.toRejection(own.data, head), toRejectionOrigin(own)),
  });
}

/** A rejection's id derives from its request. */
export const toRejectionOrigin = (event: Event<unknown>) => ({
  id: toUuidV5('rejected', event.source, event.id),
  correlationid: event.correlationid ?? event.id,
  causationid: event.id,
  traceparent: event.traceparent,
});

/** After the commit: a transaction may run more than once. */
function tellRejection(event: Event<unknown>, { code, message }: AppError, deps: IntakeDeps): void {
  const { type, id: requestId, source, correlationid = requestId } = event;
  deps.metrics?.rejections.inc({ type, code });
  deps.logger?.warn({ type, requestId, source, correlationid, code, why: message }, 'request rejected');
}

type VersionedRun = RunDraft & Pick<NewRun, 'requestVersion'>;

async function enqueue(
  tx: CatalogTx,
  event: Event<unknown>,
  { resolved, ...draft }: VersionedRun,
): Promise<JsonObject> {
  const id = toRunId(event.source, event.id);
  const isNew = await tx.runs.enqueue({
    priority: 0,
    ...draft,
    id,
    request: { ...(event.data as JsonObject), ...resolved },
    requestedBy: event.source,
    requestId: event.id,
    correlationId: event.correlationid ?? null,
    traceparent: event.traceparent ?? null,
  });
  if (!isNew) await requireSame(tx, id, event, draft);
  return { runId: id, resource: draft.resource };
}

/** The inbox may have forgotten what the ledger still knows. A request of another kind under the same id would be lost in silence. */
async function requireSame(tx: CatalogTx, id: RunId, event: Event<unknown>, draft: RunDraft): Promise<void> {
  const { kind, dataset } = await tx.runs.load(id);
  if (kind === draft.kind && dataset === draft.dataset) return;
  const hint = 'Give every request an id of its own: source and id together name one request.';
  const message = `the id ${event.id} of ${event.source} names a ${kind} of ${dataset} already`;
  throw new AppError('request.refused', message, { runId: id }, { hint });
}

/** The subject is the request: the requester finds the answer by its id. */
const writeAudit = (
  tx: CatalogTx,
  event: Event<unknown>,
  outcome: 'accepted' | 'rejected',
  detail: JsonObject,
): Promise<void> =>
  tx.audit.write({
    actor: event.source,
    action: event.type,
    subject: event.id,
    outcome,
    detail: { ...detail, request: event.data as JsonObject },
  });

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
