import type { Catalog } from '#common/catalog/catalog.js';
import type { SettledRun } from '#common/catalog/stores/runs/run-end.store.js';
import type { RunId } from '#common/domain/ids.js';
import type { RunKind } from '#common/domain/run.js';
import { toAppError } from '#common/errors/app-error.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import type { OnRunFailed } from './attempt-options.js';

export interface SettleOptions {
  readonly catalog: Catalog;
  readonly kinds: readonly RunKind[];
  readonly onFailed: OnRunFailed;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** No other is looked at. */
  readonly only?: RunId | undefined;
  /** How long restores whose claim expired are left to those who can end what was begun. Default: for ever. */
  readonly restoresAfterMs?: number | undefined;
}

/**
 * Settles every run that was cancelled, is overdue or has no attempts left while no worker holds it: each in one transaction with
 * its event, and says so. One whose event cannot be made stays open, is said so, and does not keep the others. Any number of processes
 * may look at once. Throws: catalog.unavailable.
 */
export async function settleDue(options: SettleOptions): Promise<readonly SettledRun[]> {
  const { catalog, kinds, onFailed, logger, only, restoresAfterMs } = options;
  const settled: SettledRun[] = [];
  const stuck: RunId[] = [];
  for (;;) {
    let runId: RunId | undefined;
    try {
      const next = await catalog.transaction(async (tx) => {
        const due = await tx.runs.settleDue(kinds, { except: stuck, only, restoresAfterMs });
        runId = due?.run.id;
        if (due !== undefined) await onFailed(due.run, due.problem, tx);
        return due;
      });
      if (next === undefined) return settled;
      settled.push(next);
      tell(next, options);
    } catch (error) {
      if (runId === undefined || toAppError(error).code === 'catalog.unavailable') throw error;
      logger.error({ err: error, runId }, 'run not settled: its event cannot be made');
      stuck.push(runId);
    }
  }
}

function tell({ run, problem }: SettledRun, { logger, metrics }: SettleOptions): void {
  const { id: runId, kind, dataset, attempt } = run;
  logger.warn({ runId, kind, dataset, attempt, code: problem.code }, 'run settled that no worker held');
  metrics?.runsSettledUnheld.inc({ kind, code: problem.code });
}
