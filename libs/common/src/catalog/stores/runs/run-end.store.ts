import { Channels } from '#common/catalog/channels.js';
import { Run } from '#common/catalog/entities/run.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import { isSettled, type RunKind } from '#common/domain/run.js';
import { AppError, type Problem, toProblem } from '#common/errors/app-error.js';

/** A run that no worker will take any more, settled; its event is still to be written, in the same transaction. */
export interface SettledRun {
  readonly run: Run;
  readonly problem: Problem;
}

export interface DueOptions {
  /** Left alone. */
  readonly except?: readonly RunId[];
  /** No other is looked at. */
  readonly only?: RunId | undefined;
  /**
   * A restore whose claim expired may still be committed by what its holder has begun: a process that has not made sure of the contrary leaves
   * it to others for so long. 0: there is nothing left that could be. Default: for ever.
   */
  readonly restoresAfterMs?: number | undefined;
}

/** No worker will work on it any more: cancelled, overdue or out of attempts. */
const ENDED = `(
  cancel_requested_at IS NOT NULL
  OR deadline_at <= clock_timestamp()
  OR attempt - attempts_forgiven >= max_attempts
)`;

/** A live claim is left to its holder, whose signal fires. */
const FIND_DUE = `
  SELECT *
  FROM holdfast.runs
  WHERE kind = ANY ($1)
    AND id <> ALL ($2)
    AND ($3::uuid IS NULL OR id = $3)
    AND (
      state = 'queued'
      OR (state = 'running' AND kind <> 'restore' AND claim_expires_at <= clock_timestamp())
      OR (state = 'running' AND claim_expires_at <= clock_timestamp() - make_interval(secs => $4::float8 / 1000))
    )
    AND ${ENDED}
  ORDER BY number
  LIMIT 1
  FOR UPDATE SKIP LOCKED`;

const FIND_UNENDED_RESTORES = `
  SELECT *
  FROM holdfast.runs
  WHERE kind = 'restore' AND state = 'running' AND claim_expires_at <= clock_timestamp() AND ${ENDED}
  ORDER BY number
  LIMIT 100`;

const SETTLE_DUE = `
  UPDATE holdfast.runs
  SET state = $2, problem = $3, settled_at = clock_timestamp(), claim_expires_at = NULL
  WHERE id = $1
  RETURNING *`;

const REQUEST_CANCEL = `
  UPDATE holdfast.runs
  SET cancel_requested_at = clock_timestamp(), cancel_reason = $2
  WHERE id = $1 AND state IN ('queued', 'running') AND cancel_requested_at IS NULL
  RETURNING *, pg_notify('${Channels.runCancelled}', id::text)`;

export const runEnds = (sql: Sql) => ({
  /**
   * Asks for the end of a run; idempotent. Its holder aborts; the worker or scheduler that looks next settles a queued one. Returns the run:
   * settled ones stay as they are. Throws: run.missing.
   */
  requestCancel: async (id: RunId, reason?: string): Promise<Run> => {
    const [cancelled] = await sql.entities(Run, REQUEST_CANCEL, [id, reason ?? null]);
    if (cancelled !== undefined) return cancelled;
    const [run] = await sql.entities(Run, 'SELECT * FROM holdfast.runs WHERE id = $1', [id]);
    if (run === undefined) throw new AppError('run.missing', `run ${id} is not in the catalog`);
    return run;
  },

  /** Restores that no executor will work on any more, whose last holder vanished with whatever it had begun. */
  findUnendedRestores: (): Promise<Run[]> => sql.entities(Run, FIND_UNENDED_RESTORES),

  /** Settles one run that was cancelled, is overdue or has no attempts left while no worker holds it; undefined when there is none. */
  settleDue: async (
    kinds: readonly RunKind[],
    { except = [], only, restoresAfterMs }: DueOptions = {},
  ): Promise<SettledRun | undefined> => {
    const [due] = await sql.entities(Run, FIND_DUE, [kinds, except, only ?? null, restoresAfterMs ?? null]);
    if (due === undefined) return undefined;
    const isSure = due.kind !== 'restore' || due.state === 'queued' || restoresAfterMs === 0;
    const error = isSure ? toEnd(due) : toUnsure(toEnd(due));
    const problem = toProblem(error);
    const state = error.code === 'run.cancelled' ? 'cancelled' : 'failed';
    const [run] = await sql.entities(Run, SETTLE_DUE, [due.id, state, toJsonb(problem)]);
    if (run === undefined || !isSettled(run.state)) throw new AppError('internal.bug', `run ${due.id} did not settle`);
    return { run, problem };
  },
});

function toEnd(run: Run): AppError {
  const subject = `${run.kind} of ${run.dataset}`;
  const lastProblem = run.problem === null ? {} : { lastProblem: run.problem };
  if (run.cancelRequestedAt !== null) return toCancelled(subject, run.cancelReason);
  if (run.attempt - run.attemptsForgiven >= run.maxAttempts) {
    return new AppError('run.exhausted', `${subject} has no attempt left after ${run.attempt}`, lastProblem);
  }
  return toOverdue(subject, run.deadlineAt, lastProblem);
}

function toUnsure(error: AppError): AppError {
  const message = `${error.message}; no executor was there to end what had been begun, which may still take effect`;
  return new AppError(error.code, message, error.context);
}

export function toCancelled(subject: string, reason: string | null): AppError {
  return new AppError('run.cancelled', `${subject} was cancelled${reason === null ? '' : `: ${reason}`}`);
}

export function toOverdue(
  subject: string,
  deadlineAt: Date | null,
  context: { readonly lastProblem?: Problem } = {},
): AppError {
  const deadline = deadlineAt?.toISOString() ?? 'unknown';
  const { lastProblem } = context;
  const last = lastProblem === undefined ? '' : `; its last problem was ${lastProblem.code}: ${lastProblem.message}`;
  return new AppError('run.overdue', `${subject} did not end before ${deadline}${last}`, {
    deadlineAt: deadline,
    ...context,
  });
}
