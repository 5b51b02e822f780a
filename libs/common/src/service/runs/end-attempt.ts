import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import { toOverdue } from '#common/catalog/stores/runs/run-end.store.js';
import { toBackoffMs, toOutageWaitMs } from '#common/domain/backoff.js';
import { type AppError, type Problem, toAppError, toProblem } from '#common/errors/app-error.js';
import { type AttemptEnd, decideAttemptEnd, toPatienceLeftMs } from './attempt-end.js';
import type { AttemptOptions } from './attempt-options.js';

export interface EndedAttempt {
  readonly end: AttemptEnd;
  readonly code: string;
}

export interface UnsettledAttempt {
  readonly run: ClaimedRun;
  readonly error: AppError;
  /** How long the handler worked. */
  readonly lastedMs: number;
  /** Fires when the claim is lost. */
  readonly lost: AbortSignal;
}

interface Decision {
  readonly end: AttemptEnd;
  readonly retryInMs?: number;
}

/** Records what becomes of a run whose handler did not settle it. Never rejects. */
export async function endAttempt(attempt: UnsettledAttempt, options: AttemptOptions): Promise<EndedAttempt> {
  const { run, error, lost } = attempt;
  const { catalog, logger } = options;
  try {
    const decision: Decision =
      error.code === 'claim.lost'
        ? { end: 'lost' }
        : await catalog.transaction((tx) => recordEnd(attempt, options, tx), { until: lost });
    const log = decision.end === 'failed' ? logger.error : logger.warn;
    log.call(logger, { ...decision, err: error, attemptsLeft: attemptsLeftOf(run) }, 'attempt ended without a result');
    return { end: decision.end, code: error.code };
  } catch (failure) {
    // The end needs no record: the claim expires, and the next worker or scheduler that looks takes the run over or settles it.
    const { code } = toAppError(failure);
    logger.warn({ err: error }, 'attempt ended without a result');
    if (code !== 'claim.lost') logger.error({ err: failure }, 'end of attempt not recorded');
    return { end: 'lost', code };
  }
}

async function recordEnd(
  { run, error, lastedMs }: UnsettledAttempt,
  { retry, patienceMs, onFailed }: AttemptOptions,
  tx: CatalogTx,
): Promise<Decision> {
  const { claim } = run;
  const problem = toProblem(error);
  const now = await tx.now();
  // One that worked for long has met another outage than the one before it, and may not work in vain for ever: it counts.
  const isNewOutage = run.waitingSince === null || lastedMs > retry.maxMs;
  const since = isNewOutage ? now : (run.waitingSince ?? now);
  const outage = { now, since, deadlineAt: run.deadlineAt, patienceMs: patienceMs?.[run.kind] ?? 0 };
  const patienceLeftMs = lastedMs > retry.maxMs ? 0 : toPatienceLeftMs(outage);
  const end = decideAttemptEnd(error, { attemptsLeft: attemptsLeftOf(run), patienceLeftMs });
  if (end === 'given-back') await tx.runs.giveBack(claim);
  if (end === 'waiting') {
    const waitMs = toOutageWaitMs(now.getTime() - since.getTime(), retry, Math.random());
    const delayMs = Math.min(waitMs, patienceLeftMs);
    await tx.runs.requeue(claim, problem, { delayMs, waitingSince: since, isForgiven: true });
    return { end, retryInMs: delayMs };
  }
  if (end === 'requeued') {
    const delayMs = toBackoffMs(run.attempt - run.attemptsForgiven, retry, Math.random());
    await tx.runs.requeue(claim, problem, { delayMs, waitingSince: error.passes ? since : null });
    return { end, retryInMs: delayMs };
  }
  if (end === 'failed' || end === 'cancelled') {
    const told = isOverdue(run, error, now) ? toProblem(toLate(run, problem)) : problem;
    await onFailed(await tx.runs.settle(claim, { state: end, problem: told }), told, tx);
  }
  return { end };
}

/** It would be waited for, had the run's deadline not come: that is what ended the run. */
const isOverdue = ({ deadlineAt }: ClaimedRun, { passes }: AppError, now: Date): boolean =>
  passes && deadlineAt !== null && deadlineAt <= now;

const toLate = ({ kind, dataset, deadlineAt }: ClaimedRun, lastProblem: Problem): AppError =>
  toOverdue(`${kind} of ${dataset}`, deadlineAt, { lastProblem });

const attemptsLeftOf = ({ maxAttempts, attempt, attemptsForgiven }: ClaimedRun): number =>
  maxAttempts - (attempt - attemptsForgiven);
