import type { Catalog } from '#common/catalog/catalog.js';
import type { RequestView } from '#common/contracts/api-views.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { findEvent } from '#common/contracts/event-list.js';
import { RunCancelRequested } from '#common/contracts/events/run-cancel-requested.event.js';
import { toRunId } from '#common/domain/ids.js';
import { AppError, type Problem } from '#common/errors/app-error.js';
import type { EventWriter } from '#common/service/event-writer.js';
import { CANCEL_CONSUMER, takeCancel } from '#common/service/requests/take-cancel.js';

/**
 * Publishes a request as this installation: through the outbox, so that it is kept when the bus is down. One to cancel is also
 * taken at once. Throws: request.invalid.
 */
export async function publishRequest(
  type: string,
  { id, data }: { readonly id: string; readonly data: unknown },
  { catalog, events }: { readonly catalog: Catalog; readonly events: EventWriter },
): Promise<RequestView> {
  const definition = type.endsWith('requested') ? findEvent(type) : undefined;
  if (definition === undefined) throw new AppError('request.invalid', `"${type}" is not a request`);
  const event = await catalog.transaction((tx) =>
    events.write(tx, definition, data as never, { id, correlationid: id }),
  );
  if (RunCancelRequested.is(event)) {
    await takeCancel(event as Event<DataOf<typeof RunCancelRequested>>, { catalog, events, consumer: CANCEL_CONSUMER });
    return findRequest(id, { catalog, events });
  }
  return { requestId: id, runId: toRunId(events.source, id), state: 'pending', error: null };
}

/** What became of a request of this installation, by the audit trail. */
export async function findRequest(
  requestId: string,
  { catalog, events }: { readonly catalog: Catalog; readonly events: EventWriter },
): Promise<RequestView> {
  // Another source may have used the same id: its answer is none to us.
  const filter = { subject: requestId, actor: events.source, limit: 1 };
  const [entry] = await catalog.transaction((tx) => tx.audit.list(filter));
  const view = { requestId, runId: toRunId(events.source, requestId) };
  if (entry === undefined) return { ...view, state: 'pending', error: null };
  const { error } = entry.detail as { error?: Problem };
  return { ...view, state: entry.outcome === 'rejected' ? 'rejected' : 'accepted', error: error ?? null };
}
