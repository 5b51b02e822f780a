import { Channels } from '#common/catalog/channels.js';
import { Run } from '#common/catalog/entities/run.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import { isSettled, type RunKind } from '#common/domain/run.js';
import { AppError, type Problem, toProblem } from '#common/errors/app-error.js';

/** A run that nobody will work on any more, settled; its fact is still to be written, in the same transaction. */
export interface SettledRun {
  readonly run: Run;
  readonly problem: Problem;
}

/** Cancelled or overdue while nobody holds it, or out of attempts. A live claim is left to its holder, who is told by its signal. */
const FIND_DUE = `
  SELECT *
  FROM holdfast.runs
  WHERE kind = ANY ($1)
    AND id <> ALL ($2)
    AND (state = 'queued' OR (state = 'running' AND claim_expires_at <= clock_timestamp()))
    AND (
      cancel_requested_at IS NOT NULL
      OR deadline_at <= clock_timestamp()
      OR attempt - attempts_forgiven >= max_attempts
    )
  ORDER BY number
  LIMIT 1
  FOR UPDATE SKIP LOCKED`;

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
   * Asks for the end of a run; idempotent. Its holder aborts, a queued one is settled by whoever looks next. Returns the run:
   * settled ones stay as they are. Throws: run.missing.
   */
  requestCancel: async (id: RunId, reason?: string): Promise<Run> => {
    const [cancelled] = await sql.entities(Run, REQUEST_CANCEL, [id, reason ?? null]);
    if (cancelled !== undefined) return cancelled;
    const [run] = await sql.entities(Run, 'SELECT * FROM holdfast.runs WHERE id = $1', [id]);
    if (run === undefined) throw new AppError('run.missing', `run ${id} is not in the catalog`);
    return run;
  },

  /** Settles one run that was cancelled, is overdue or has no attempts left while nobody holds it; undefined when there is none. */
  settleDue: async (kinds: readonly RunKind[], except: readonly RunId[] = []): Promise<SettledRun | undefined> => {
    const [due] = await sql.entities(Run, FIND_DUE, [kinds, except]);
    if (due === undefined) return undefined;
    const error = toEnd(due);
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

export function toCancelled(subject: string, reason: string | null): AppError {
  return new AppError('run.cancelled', `${subject} was cancelled${reason === null ? '' : `: ${reason}`}`);
}

export function toOverdue(subject: string, deadlineAt: Date | null, context: object = {}): AppError {
  const deadline = deadlineAt?.toISOString() ?? 'unknown';
  return new AppError('run.overdue', `${subject} did not end before ${deadline}`, { deadlineAt: deadline, ...context });
}
