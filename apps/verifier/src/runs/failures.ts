import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import { ReplayFailed } from '#common/contracts/events/replay-failed.event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { VerificationFailed } from '#common/contracts/events/verification-failed.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import type { Problem } from '#common/errors/app-error.js';
import type { Facts } from '#common/service/facts.js';

/** The fact of a run that ended without success, in the transaction that settles it. */
export const verifierFailure =
  (facts: Facts) =>
  async (run: Run, problem: Problem, tx: CatalogTx): Promise<void> => {
    const ended = { attempts: run.attempt, error: problem, failedAt: (await tx.now()).toISOString() };
    if (run.kind === 'replay') {
      const { mode } = ReplayRequested.data.parse(run.request);
      await facts.add(tx, run, ReplayFailed, (head) => ({ ...head, ...ended, mode }));
      return;
    }
    const { target, database, profile } = VerificationRequested.data.parse(run.request);
    await facts.add(tx, run, VerificationFailed, (head) => ({ ...head, ...ended, target, database, profile }));
  };
