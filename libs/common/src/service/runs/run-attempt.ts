import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import { toCancelled, toOverdue } from '#common/catalog/stores/runs/run-end.store.js';
import type { FreshClaim } from '#common/catalog/stores/runs/run-queue.store.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { type Keepalive, keepAlive } from '../background/keepalive.js';
import type { AttemptEnd } from './attempt-end.js';
import type { AttemptOptions } from './attempt-options.js';
import { endAttempt } from './end-attempt.js';

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
    logger.error({ letGoAfterMs }, 'work does not end although its signal fired; its claim is left to expire');
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

async function work(run: ClaimedRun, keepalive: Keepalive, options: AttemptOptions): Attempt['ended'] {
  const { signal } = run.claim;
  const startedAtMs = performance.now();
  try {
    const handler = options.handlers[run.kind];
    if (handler === undefined) throw new AppError('internal.bug', `no handler for a run of kind ${run.kind}`);
    await handler(run);
    if (!(await isStillHeld(run, keepalive, options.catalog))) return { end: 'settled', code: '' };
    throw new AppError('internal.bug', `the handler of ${run.kind} returned without settling run ${run.id}`);
  } catch (error) {
    const attempt = { run, error: toAppError(signal.aborted ? signal.reason : error), lost: keepalive.lost };
    return endAttempt({ ...attempt, lastedMs: performance.now() - startedAtMs }, options);
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
