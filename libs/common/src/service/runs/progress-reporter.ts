import type { z } from 'zod';
import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { ProgressView } from '#common/contracts/api-views.js';
import type { EventDefinition } from '#common/contracts/define-event.js';
import type { EventWriter, RunEventHead } from '../event-writer.js';

export interface ProgressEvents<S extends z.ZodObject> {
  readonly definition: EventDefinition<S>;
  readonly data: (head: RunEventHead, progress: ProgressView) => z.input<S>;
}

const ROW_EVERY_MS = 1_000;
const EVENT_EVERY_MS = 5_000;

/**
 * Tells how far a run is: on its row every second; on the bus every five and, with its final count, at the end of each stage that
 * counted bytes, so that a run of a second has an event too. It never holds the work up and never fails it: the renewal of the claim
 * notices when it is lost. `stop` before the run is settled.
 */
export function reportProgress<S extends z.ZodObject>(
  run: ClaimedRun,
  progressed: ProgressEvents<S>,
  { catalog, events }: { readonly catalog: Catalog; readonly events: EventWriter },
): { report(progress: ProgressView): void; stop(): Promise<void> } {
  let current: ProgressView | undefined;
  let isRowBehind = false;
  let ended: ProgressView[] = [];
  let writing: Promise<void> = Promise.resolve();
  let toldAt = performance.now();

  const endStage = (): void => {
    if (current !== undefined && current.bytes > 0) ended.push(current);
  };
  const write = async (): Promise<void> => {
    const progress = current;
    if (progress === undefined || !isRowBehind) return;
    isRowBehind = false;
    const toTell = ended;
    ended = [];
    if (performance.now() - toldAt >= EVENT_EVERY_MS && !toTell.includes(progress)) toTell.push(progress);
    if (toTell.length > 0) toldAt = performance.now();
    await catalog.transaction(async (tx) => {
      await tx.runs.progress(run.claim, { ...progress });
      for (const seen of toTell)
        await events.add(tx, run, progressed.definition, (head) => progressed.data(head, seen));
    });
  };
  const writeNext = (): void => {
    writing = writing.then(write).catch(() => undefined);
  };
  const timer = setInterval(writeNext, ROW_EVERY_MS);

  return {
    report: (progress) => {
      if (current?.stage !== progress.stage) endStage();
      current = progress;
      isRowBehind = true;
    },
    stop: async () => {
      clearInterval(timer);
      endStage();
      // A claim that is lost may take no more writes, and a catalog that is away must not delay the end.
      if (ended.length > 0 && !run.claim.signal.aborted) {
        isRowBehind = true;
        writeNext();
      }
      await writing;
    },
  };
}
