import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { Event } from '#common/contracts/envelope.js';
import type { RunCancelRequested } from '#common/contracts/events/run-cancel-requested.event.js';
import { RunRejected } from '#common/contracts/events/run-rejected.event.js';
import { type RunId, toUuidV5 } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { isSettled } from '#common/domain/run.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { type IntakeDeps, tellRejection, writeAudit } from '#common/service/intake.js';

const REMEMBER_MS = 35 * 24 * 3_600_000;

/** Tells the holder of the run to stop; a queued run ends by whoever looks next. Rejected when there is nothing to stop. */
export async function takeCancel(event: Event<DataOf<typeof RunCancelRequested>>, deps: IntakeDeps): Promise<void> {
  const { catalog, facts, consumer } = deps;
  const refused = await catalog.transaction(async (tx) => {
    const keepUntil = new Date((await tx.now()).getTime() + REMEMBER_MS);
    if (!(await tx.inbox.remember({ consumer, source: event.source, id: event.id, keepUntil }))) return undefined;
    const refusal = await tryCancel(tx, event);
    if (refusal === undefined) {
      await writeAudit(tx, event, 'accepted', {});
      return undefined;
    }
    const error = toProblem(refusal);
    await writeAudit(tx, event, 'rejected', { error: error as unknown as JsonObject });
    const data = { requestId: event.id, requestSource: event.source, runId: event.data.runId, error };
    await facts.write(tx, RunRejected, data, {
      id: toUuidV5('rejected', event.source, event.id),
      causationid: event.id,
    });
    return refusal;
  });
  if (refused !== undefined) tellRejection(event, refused, deps);
}

async function tryCancel(
  tx: CatalogTx,
  { data }: Event<DataOf<typeof RunCancelRequested>>,
): Promise<AppError | undefined> {
  const run = await tx.runs.find(data.runId as RunId);
  if (run === undefined) return new AppError('run.missing', `run ${data.runId} is not in the catalog`);
  if (isSettled(run.state)) return new AppError('request.refused', `run ${data.runId} has already ended: ${run.state}`);
  await tx.runs.requestCancel(run.id, data.reason);
  return undefined;
}
