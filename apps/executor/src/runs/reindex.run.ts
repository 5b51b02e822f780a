import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import { ReindexCompleted } from '#common/contracts/events/reindex-completed.event.js';
import { ReindexProgressed } from '#common/contracts/events/reindex-progressed.event.js';
import { ReindexRequested } from '#common/contracts/events/reindex-requested.event.js';
import { ReindexStarted } from '#common/contracts/events/reindex-started.event.js';
import type { JsonObject } from '#common/domain/json.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';
import { toRebuildWish } from '#common/service/requests/rebuild-wish.js';
import { reportProgress } from '#common/service/runs/progress-reporter.js';
import { isOverIn } from '#common/service/runs/run-state.js';

export interface ReindexRunDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly installation: Installation;
}

/** Makes indexes anew, then settles the run with its event. An attempt after a crash begins from the beginning: what was made beside is removed. */
export const reindexRun =
  ({ catalog, events, installation }: ReindexRunDeps) =>
  async (run: ClaimedRun): Promise<void> => {
    const request = ReindexRequested.read(run.request, run.requestVersion);
    const { rebuild, destination, parts } = toRebuildWish(request, installation);
    const { dataset, target } = request;
    await catalog.transaction(async (tx) => {
      await tx.runs.assertHeld(run.claim);
      const startedAt = (await tx.now()).toISOString();
      const said = { target, destination, attempt: run.attempt, startedAt };
      await events.add(tx, run, ReindexStarted, (head) => ({ ...head, ...said }));
    });
    const progress = reportProgress(
      run,
      { definition: ReindexProgressed, data: (head, seen) => ({ ...head, ...seen, attempt: run.attempt, target }) },
      { catalog, events },
    );
    const rebuilt = await rebuild
      .run(
        {
          ...{ dataset: installation.dataset(dataset), target: installation.target(target), destination, parts },
          identity: { runId: run.id, attempt: run.attempt },
        },
        {
          signal: run.claim.signal,
          isOver: isOverIn(catalog),
          assertHeld: () => catalog.transaction((tx) => tx.runs.assertLive(run.claim)),
          onProgress: progress.report,
        },
      )
      .finally(progress.stop);
    await catalog.transaction(async (tx) => {
      const result = { target, destination, parts: [...rebuilt.parts] };
      await tx.runs.settle(run.claim, { state: 'completed', result: result as unknown as JsonObject });
      const startedAt = (run.startedAt ?? run.createdAt).toISOString();
      const completedAt = (await tx.now()).toISOString();
      await events.add(tx, run, ReindexCompleted, (head) => ({
        ...{ ...head, ...result, attempt: run.attempt, startedAt, completedAt },
      }));
    });
  };
