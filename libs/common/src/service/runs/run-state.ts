import type { Catalog } from '#common/catalog/catalog.js';
import type { RunId } from '#common/domain/ids.js';
import { isSettled } from '#common/domain/run.js';

/** What the catalog knows of a run that something was found of: over is over for ever. */
export const stateIn =
  (catalog: Catalog) =>
  async (runId: string): Promise<'open' | 'over' | 'unknown'> => {
    const run = await catalog.transaction((tx) => tx.runs.find(runId as RunId));
    if (run === undefined) return 'unknown';
    return isSettled(run.state) ? 'over' : 'open';
  };

export const isOverIn =
  (catalog: Catalog) =>
  async (runId: string): Promise<boolean> =>
    (await stateIn(catalog)(runId)) === 'over';
