import type { z } from 'zod';
import type { Catalog } from '../catalog/catalog.js';
import type { ClaimedRun } from '../catalog/claim.js';
import type { ProgressView } from '../contracts/api-views.js';
import type { EventDefinition } from '../contracts/define-event.js';
import type { FactHead, Facts } from './facts.js';

export interface ProgressEvents<S extends z.ZodObject> {
  readonly definition: EventDefinition<S>;
  readonly data: (head: FactHead, progress: ProgressView) => z.input<S>;
}

const ROW_EVERY_MS = 1_000;
const EVENT_EVERY_MS = 5_000;

/**
 * Tells how far a run is: on its row every second, on the bus every five. It never holds the work up and never fails it: a lost claim
 * is noticed by whoever renews it. `stop` before the run is settled.
 */
export function reportProgress<S extends z.ZodObject>(
  run: ClaimedRun,
  events: ProgressEvents<S>,
  { catalog, facts }: { readonly catalog: Catalog; readonly facts: Facts },
): { report(progress: ProgressView): void; stop(): Promise<void> } {
  let latest: ProgressView | undefined;
  let writing: Promise<void> = Promise.resolve();
  let toldAt = performance.now();

  const write = async (): Promise<void> => {
    const progress = latest;
    if (progress === undefined) return;
    latest = undefined;
    const isTold = performance.now() - toldAt >= EVENT_EVERY_MS;
    if (isTold) toldAt = performance.now();
    await catalog.transaction(async (tx) => {
      await tx.runs.progress(run.claim, { ...progress });
      if (isTold) await facts.add(tx, run, events.definition, (head) => events.data(head, progress));
    });
  };
  const timer = setInterval(() => {
    writing = writing.then(write).catch(() => undefined);
  }, ROW_EVERY_MS);

  return {
    report: (progress) => {
      latest = progress;
    },
    stop: async () => {
      clearInterval(timer);
      await writing;
    },
  };
}
