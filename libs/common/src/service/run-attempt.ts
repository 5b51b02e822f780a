import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import { toCancelled, toOverdue } from '#common/catalog/stores/run-end.store.js';
import type { FreshClaim } from '#common/catalog/stores/run-queue.store.js';
import { type Backoff, toBackoffMs } from '#common/domain/backoff.js';
import type { RunKind } from '#common/domain/run.js';
import { AppError, type Problem, toAppError, toProblem } from '#common/errors/app-error.js';
import type { Logger } from '#common/telemetry/logger.js';
import { type AttemptEnd, decideAttemptEnd } from './attempt-end.js';
import { type Keepalive, keepAlive } from './keepalive.js';

/** Does the work and settles its success itself: what was made, the run and its fact in one transaction. */
export type RunHandler = (run: ClaimedRun) => Promise<void>;

/** Writes the `.failed` fact of a run that was just settled, into the transaction that settled it. */
export type OnRunFailed = (run: Run, problem: Problem, tx: CatalogTx) => Promise<void>;

export interface AttemptOptions {
  readonly catalog: Catalog;
  readonly claimTtlMs: number;
  readonly renewMs: number;
  readonly retry: Backoff;
  readonly handlers: Readonly<Partial<Record<RunKind, RunHandler>>>;
  readonly onFailed: OnRunFailed;
  readonly logger: Logger;
  /** How long work that was told to stop may take to end before its claim is left to expire. Default a minute. */
  readonly letGoAfterMs?: number;
}

const LET_GO_AFTER_MS = 60_000;

export interface Attempt {
  readonly run: Run;
  /** Ends the work early; the first reason counts. */
  abort(reason: AppError): void;
  /** Asks the catalog at once whether the run was cancelled, instead of at the next renewal. */
  look(): Promise<void>;
  /** Never rejects: `settled` when the handler settled the run, or what became of it otherwise. */
  readonly ended: Promise<{ readonly end: AttemptEnd | 'settled'; readonly code: string }>;
}

/** Works on one claimed run until it is settled, queued again or lost. */
export function startAttempt({ run, claim }: FreshClaim, askedAtMs: number, options: AttemptOptions): Attempt {
  const { catalog, claimTtlMs, renewMs, letGoAfterMs = LET_GO_AFTER_MS } = options;
  const logger = options.logger.child({
    runId: run.id,
    kind: run.kind,
    dataset: run.dataset,
    attempt: claim.attempt,
    correlationid: run.correlationId ?? run.requestId,
  });
  const control = new AbortController();
  const abort = (reason: AppError) => {
    if (control.signal.aborted) return;
    logger.info({ code: reason.code, why: reason.message }, 'attempt aborted');
    control.abort(reason);
  };
  const subject = `${run.kind} of ${run.dataset}`;
  let overdue: NodeJS.Timeout | undefined;
  const armDeadline = (inMs: number | null) => {
    clearTimeout(overdue);
    // The next renewal arms it again, long before the largest delay of a timer.
    if (inMs === null || inMs > 2 * claimTtlMs) return;
    overdue = setTimeout(() => abort(toOverdue(subject, run.deadlineAt)), Math.max(0, inMs));
  };
  const renew = async (until?: AbortSignal) => {
    const renewing = catalog.transaction((tx) => tx.runs.renew(claim, claimTtlMs), until && { until });
    const { isCancelRequested, cancelReason, deadlineInMs } = await renewing;
    if (isCancelRequested) abort(toCancelled(subject, cancelReason));
    if (!hasEnded) armDeadline(deadlineInMs);
  };
  let hasEnded = false;
  const keepalive = keepAlive({ ttlMs: claimTtlMs, renewMs, askedAtMs, renew, subject: `run ${run.id}`, logger });
  keepalive.lost.addEventListener('abort', () => abort(toAppError(keepalive.lost.reason)));
  if (run.deadlineAt !== null) void renew().catch(() => undefined);
  let stuck: NodeJS.Timeout | undefined;
  const letGo = () => {
    logger.error({ letGoAfterMs }, 'work that was told to stop does not end; its claim is left to expire');
    keepalive.stop();
  };
  control.signal.addEventListener('abort', () => {
    stuck = setTimeout(letGo, letGoAfterMs);
  });

  const held: ClaimedRun = { ...run, claim: { ...claim, signal: control.signal } };
  const ended = work(held, keepalive, { ...options, logger }).finally(() => {
    hasEnded = true;
    keepalive.stop();
    clearTimeout(overdue);
    clearTimeout(stuck);
  });
  return { run, abort, ended, look: () => renew().catch(() => undefined) };
}

async function work(run: ClaimedRun, keepalive: Keepalive, options: AttemptOptions): ReturnType<typeof endOf> {
  const { signal } = run.claim;
  try {
    const handler = options.handlers[run.kind];
    if (handler === undefined) throw new AppError('internal.bug', `no handler for a run of kind ${run.kind}`);
    await handler(run);
    if (!(await isStillHeld(run, keepalive, options.catalog))) return { end: 'settled', code: '' };
    throw new AppError('internal.bug', `the handler of ${run.kind} returned without settling run ${run.id}`);
  } catch (error) {
    return endOf(run, keepalive, signal.aborted ? toAppError(signal.reason) : toAppError(error), options);
  }
}

async function isStillHeld({ claim }: ClaimedRun, { lost }: Keepalive, catalog: Catalog): Promise<boolean> {
  try {
    await catalog.transaction((tx) => tx.runs.assertHeld(claim), { until: lost });
    return true;
  } catch (error) {
    if (toAppError(error).code === 'claim.lost') return false;
    throw error;
  }
}

async function endOf(
  run: ClaimedRun,
  { lost }: Keepalive,
  error: AppError,
  { catalog, retry, onFailed, logger }: AttemptOptions,
): Promise<{ end: AttemptEnd | 'settled'; code: string }> {
  const { claim } = run;
  const attemptsLeft = run.maxAttempts - (run.attempt - run.attemptsForgiven);
  const end = decideAttemptEnd(error, attemptsLeft);
  const problem = toProblem(error);
  const log = end === 'failed' ? logger.error : logger.warn;
  log.call(logger, { end, err: error, attemptsLeft }, 'attempt ended without a result');
  if (end === 'lost') return { end, code: error.code };
  try {
    await catalog.transaction(
      async (tx) => {
        if (end === 'given-back') await tx.runs.giveBack(claim);
        if (end === 'requeued') {
          const delayMs = toBackoffMs(run.attempt - run.attemptsForgiven, retry, Math.random());
          await tx.runs.requeue(claim, problem, delayMs);
        }
        if (end === 'failed' || end === 'cancelled') {
          await onFailed(await tx.runs.settle(claim, { state: end, problem }), problem, tx);
        }
      },
      { until: lost },
    );
    return { end, code: error.code };
  } catch (failure) {
    // Nobody is needed for the end: the claim expires, and whoever looks next takes the run over or settles it.
    const { code } = toAppError(failure);
    if (code !== 'claim.lost') logger.error({ err: failure }, 'end of attempt not recorded');
    return { end: 'lost', code };
  }
}
