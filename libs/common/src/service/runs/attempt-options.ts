import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import type { Backoff } from '#common/domain/backoff.js';
import type { RunKind } from '#common/domain/run.js';
import type { Problem } from '#common/errors/app-error.js';
import type { Logger } from '#common/telemetry/logger.js';

/** Does the work and settles its success itself: what was made, the run and its event in one transaction. */
export type RunHandler = (run: ClaimedRun) => Promise<void>;

/** Writes the `.failed` event of a run that was just settled, into the transaction that settled it. */
export type OnRunFailed = (run: Run, problem: Problem, tx: CatalogTx) => Promise<void>;

export interface AttemptOptions {
  readonly catalog: Catalog;
  readonly claimTtlMs: number;
  readonly renewMs: number;
  readonly retry: Backoff;
  /** How long a run without a deadline waits for what passes by itself. Default: not at all. */
  readonly patienceMs?: Readonly<Partial<Record<RunKind, number>>>;
  readonly handlers: Readonly<Partial<Record<RunKind, RunHandler>>>;
  readonly onFailed: OnRunFailed;
  readonly logger: Logger;
  /** How long aborted work may take to end before the worker leaves its claim to expire. Default a minute. */
  readonly letGoAfterMs?: number;
}
