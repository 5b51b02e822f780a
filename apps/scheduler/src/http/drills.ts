import type { Drill } from '#common/catalog/entities/drill.entity.js';
import type { DrillCoverageView, DrillResultView } from '#common/contracts/api-views.js';
import type { Service } from '#common/service/open-service.js';

/**
 * Of every dataset and each method of it that a schedule uses, a drill restores, or a drill has restored: what the last drill showed. First what
 * was never carried through.
 */
export async function listDrills({
  catalog,
  installation,
}: Pick<Service, 'catalog' | 'installation'>): Promise<DrillCoverageView[]> {
  const lasts = await catalog.transaction((tx) => tx.drills.last());
  const all = installation.scheduleNames().map((name) => ({ name, ...installation.schedule(name) }));
  const timed = all.filter(({ asks }) => asks !== 'point');
  const defaults = Object.keys(installation.config.datasets).map((dataset) => ({
    dataset,
    method: installation.method(dataset),
  }));
  const known = lasts.filter(({ dataset }) => Object.hasOwn(installation.config.datasets, dataset));
  const wanted = new Map(
    [...defaults, ...timed, ...known].map(({ dataset, method }) => [`${dataset} ${method}`, { dataset, method }]),
  );
  const views = [...wanted.values()].map(({ dataset, method }): DrillCoverageView => {
    const isMeant = (each: { dataset: string; method: string }) => each.dataset === dataset && each.method === method;
    const drills = timed.filter((each) => each.asks === 'drill' && isMeant(each)).map(({ name }) => name);
    const last = lasts.find(isMeant);
    return { dataset, method, drills, last: last === undefined ? null : toLast(last) };
  });
  return views.sort((a, b) => (a.last?.completedAt ?? '').localeCompare(b.last?.completedAt ?? ''));
}

function toLast({ runId, completedAt, result }: Drill): DrillCoverageView['last'] {
  const { probes: _, verdictKey: __, ...shown } = result as unknown as DrillResultView;
  return { ...shown, runId, completedAt: (completedAt as Date).toISOString() };
}
