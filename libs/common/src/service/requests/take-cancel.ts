import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import { RunCancelRequested } from '#common/contracts/events/run-cancel-requested.event.js';
import { RunRejected } from '#common/contracts/events/run-rejected.event.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { isSettled } from '#common/domain/run.js';
import { AppError } from '#common/errors/app-error.js';
import type { IntakeEntry } from './intake.js';
import { type IntakeDeps, takeOnce, toRejectionOrigin } from './intake.js';

/**
 * Who takes requests to cancel, in the inbox's key: the executors, for runs of every kind. The API takes its own under the same name,
 * so that no operator waits for the bus to stop something, and the delivery that follows is a no-op.
 */
export const CANCEL_CONSUMER = 'holdfast-executor';

type CancelRequest = DataOf<typeof RunCancelRequested>;

/** Tells the holder of the run to stop; the next look of any worker or scheduler ends a queued run. Rejected when there is nothing to stop. */
export function takeCancel(event: Event<CancelRequest>, deps: IntakeDeps): Promise<void> {
  return takeOnce(event, deps, {
    request: RunCancelRequested,
    take: (tx, own) => cancel(tx, own.data),
    reject: (tx, own, head) =>
      deps.events.write(tx, RunRejected, { ...head, runId: own.data.runId }, toRejectionOrigin(own)),
  });
}

export const cancelEntry: IntakeEntry = {
  definition: RunCancelRequested,
  take: (event, deps) => takeCancel(event as Event<CancelRequest>, deps),
};

async function cancel(tx: CatalogTx, { runId, reason }: CancelRequest): Promise<JsonObject> {
  // Asked of the row itself: a look before would miss the run that settles in between.
  const run = await tx.runs.requestCancel(runId as RunId, reason);
  if (isSettled(run.state)) throw new AppError('request.refused', `run ${runId} has already ended: ${run.state}`);
  return {};
}
