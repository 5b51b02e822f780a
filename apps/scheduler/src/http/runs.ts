import type { Catalog } from '#common/catalog/catalog.js';
import type { QueuePlace, RunFilter } from '#common/catalog/stores/runs/run-list.store.js';
import type { ListedRunView, RunListView } from '#common/contracts/api-views.js';
import { toRunView } from '#common/service/views/run-view.js';

/** Runs with their place in the queue, how many more there are, and the queue as a whole: one consistent look. */
export function listRuns(filter: RunFilter, { catalog }: { readonly catalog: Catalog }): Promise<RunListView> {
  return catalog.transaction(async (tx) => {
    const runs = await tx.runs.list(filter);
    const waiting = runs.filter(({ state }) => state === 'queued').map(({ id }) => id);
    const places = waiting.length === 0 ? [] : await tx.runs.places(waiting);
    const byId = new Map(places.map((place) => [place.id, place]));
    return {
      runs: runs.map((run) => ({ ...toRunView(run), place: toPlaceView(byId.get(run.id)) })),
      total: await tx.runs.count(filter),
      queue: await tx.runs.summary(),
    };
  });
}

function toPlaceView(place: QueuePlace | undefined): ListedRunView['place'] {
  if (place === undefined) return null;
  const { position, waitSeconds, retryAt } = place;
  return { position, waitSeconds, retryAt: retryAt?.toISOString() ?? null };
}
