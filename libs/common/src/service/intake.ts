import type { z } from 'zod';
import type { Catalog } from '../catalog/catalog.js';
import type { CatalogTx } from '../catalog/catalog-tx.js';
import type { NewRun } from '../catalog/stores/run-queue.store.js';
import type { EventDefinition } from '../contracts/define-event.js';
import type { Event } from '../contracts/envelope.js';
import { toRunId, toUuidV5 } from '../domain/ids.js';
import type { JsonObject } from '../domain/json.js';
import { assertNotFromFuture } from '../domain/request.policy.js';
import { AppError, type Problem, toProblem } from '../errors/app-error.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Facts } from './facts.js';

export interface IntakeDeps {
  readonly catalog: Catalog;
  readonly facts: Facts;
  /** Part of the inbox key: each service sees each request once. */
  readonly consumer: string;
  readonly metrics?: Pick<Metrics, 'rejections'>;
  readonly logger?: Logger;
}

/** What a request asks the ledger for; identity and causes come from its envelope. */
export type AskedRun = Pick<NewRun, 'kind' | 'dataset' | 'resource' | 'sourceHost' | 'deadlineAt' | 'maxAttempts'> & {
  readonly priority?: number;
};

export interface Intake<T extends z.ZodObject, R extends z.ZodObject> {
  /** Pure: what the configuration makes of the request. Throws an AppError with exit `refused` or `badInput` to reject it. */
  readonly decide: (event: Event<z.output<T>>, now: Date) => AskedRun;
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

/**
 * Takes one request in a single transaction of milliseconds: remembered and queued, or remembered and rejected; either way in the audit
 * trail. A redelivery changes nothing. Throws: catalog.unavailable (the bus delivers again).
 */
export async function takeRequest<T extends z.ZodObject, R extends z.ZodObject>(
  event: Event<z.output<T>>,
  intake: Intake<T, R>,
  deps: IntakeDeps,
): Promise<void> {
  const { catalog, facts, consumer } = deps;
  const refusal = await catalog.transaction(async (tx) => {
    const now = await tx.now();
    const keepUntil = new Date(now.getTime() + REMEMBER_MS);
    if (!(await tx.inbox.remember({ consumer, source: event.source, id: event.id, keepUntil }))) return undefined;
    const asked = tryDecide(() => {
      assertNotFromFuture(`${event.type} ${event.id}`, event.time, now);
      return intake.decide(event, now);
    });
    if (asked instanceof AppError) {
      await reject(tx, event, asked, { intake, facts });
      return asked;
    }
    await accept(tx, event, asked);
    return undefined;
  });
  if (refusal !== undefined) tellRejection(event, refusal, deps);
}

/** After the commit: a transaction may run more than once. */
export function tellRejection(event: Event<unknown>, { code, message }: AppError, deps: IntakeDeps): void {
  const { type, id: requestId, source, correlationid = requestId } = event;
  deps.metrics?.rejections.inc({ type, code });
  deps.logger?.warn({ type, requestId, source, correlationid, code, why: message }, 'request rejected');
}

function tryDecide(decide: () => AskedRun): AskedRun | AppError {
  try {
    return decide();
  } catch (error) {
    if (error instanceof AppError && !error.retryable && error.code !== 'internal.bug') return error;
    throw error;
  }
}

async function accept(tx: CatalogTx, event: Event<unknown>, asked: AskedRun): Promise<void> {
  const id = toRunId(event.source, event.id);
  await tx.runs.enqueue({
    priority: 0,
    ...asked,
    id,
    request: event.data as JsonObject,
    requestedBy: event.source,
    requestId: event.id,
    correlationId: event.correlationid ?? null,
    traceparent: event.traceparent ?? null,
  });
  await writeAudit(tx, event, 'accepted', { runId: id, resource: asked.resource });
}

async function reject<T extends z.ZodObject, R extends z.ZodObject>(
  tx: CatalogTx,
  event: Event<z.output<T>>,
  error: AppError,
  { intake, facts }: { intake: Intake<T, R>; facts: Facts },
): Promise<void> {
  const problem = toProblem(error);
  const head = { requestId: event.id, requestSource: event.source, error: problem };
  await facts.write(tx, intake.rejection, intake.toRejection(event.data, head), {
    id: toUuidV5('rejected', event.source, event.id),
    correlationid: event.correlationid ?? event.id,
    causationid: event.id,
    traceparent: event.traceparent,
  });
  await writeAudit(tx, event, 'rejected', { error: problem as unknown as JsonObject });
}

/** The subject is the request: whoever asked finds the answer by its id. */
export const writeAudit = (
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
