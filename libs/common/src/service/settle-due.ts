import type { Catalog } from '../catalog/catalog.js';
import type { SettledRun } from '../catalog/stores/run-end.store.js';
import type { RunKind } from '../domain/run.js';
import type { OnRunFailed } from './run-attempt.js';

/** Settles every run that was cancelled, is overdue or has no attempts left while nobody holds it: each in one transaction with its fact. */
export async function settleDue(
  catalog: Catalog,
  kinds: readonly RunKind[],
  onFailed: OnRunFailed,
): Promise<readonly SettledRun[]> {
  const settled: SettledRun[] = [];
  for (;;) {
    const next = await catalog.transaction(async (tx) => {
      const due = await tx.runs.settleDue(kinds);
      if (due !== undefined) await onFailed(due.run, due.problem, tx);
      return due;
    });
    if (next === undefined) return settled;
    settled.push(next);
  }
}
