import { Channels } from '#common/catalog/channels.js';
import { Run } from '#common/catalog/entities/run.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import { AppError, type Problem } from '#common/errors/app-error.js';

/** What the fence compares. */
export type ClaimRef = { readonly runId: RunId; readonly attempt: number };

export interface Renewal {
  readonly expiresAt: Date;
  readonly isCancelRequested: boolean;
  readonly cancelReason: string | null;
  /** Until the run's deadline; negative when it has passed, null without one. */
  readonly deadlineInMs: number | null;
}

export interface RequeueOptions {
  readonly delayMs: number;
  /** Since when the run has waited for what the problem tells. Default: it does not. */
  readonly waitingSince?: Date | null;
  readonly isForgiven?: boolean;
}

export type Outcome =
  | { readonly state: 'completed'; readonly result?: JsonObject }
  | { readonly state: 'failed' | 'cancelled'; readonly problem: Problem };

/** $1, $2: the claim. Nothing changes unless the row is still running with that attempt. */
const FENCE = `id = $1 AND attempt = $2 AND state = 'running'`;

const RENEW = `
  UPDATE holdfast.runs
  SET claim_expires_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)
  WHERE ${FENCE} AND claim_expires_at > clock_timestamp()
  RETURNING claim_expires_at, cancel_requested_at IS NOT NULL AS is_cancel_requested, cancel_reason,
            (extract(epoch FROM deadline_at - clock_timestamp()) * 1000)::float8 AS deadline_in_ms`;

const SETTLE = `
  UPDATE holdfast.runs
  SET state = $3, result = $4, problem = $5, settled_at = clock_timestamp(), claim_expires_at = NULL
  WHERE ${FENCE}
  RETURNING *`;

const REQUEUE = `
  UPDATE holdfast.runs
  SET state = 'queued', claim_expires_at = NULL, problem = $3,
      run_after = clock_timestamp() + make_interval(secs => $4 / 1000.0),
      waiting_since = $5, attempts_forgiven = attempts_forgiven + $6::integer
  WHERE ${FENCE}
  RETURNING id`;

const GIVE_BACK = `
  UPDATE holdfast.runs
  SET state = 'queued', claim_expires_at = NULL, attempts_forgiven = attempts_forgiven + 1, run_after = clock_timestamp()
  WHERE ${FENCE}
  RETURNING id, pg_notify('${Channels.runQueued}', kind)`;

const PROGRESS = `UPDATE holdfast.runs SET progress = $3 WHERE ${FENCE} RETURNING id`;

/** What only the holder of a claim may do. Each throws claim.lost, and changes nothing, once the attempt is not the running one. */
export const runClaims = (sql: Sql) => {
  const fenced = async <R extends object>(
    claim: ClaimRef,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<R> => {
    const [row] = await sql.rows<R>(text, [claim.runId, claim.attempt, ...values]);
    return row ?? lost(claim);
  };
  return {
    /** Throws also when the claim has expired, even if no other worker has taken it. */
    renew: async (claim: ClaimRef, ttlMs: number): Promise<Renewal> => {
      const row = await fenced<RenewalRow>(claim, RENEW, [ttlMs]);
      return {
        expiresAt: row.claim_expires_at,
        isCancelRequested: row.is_cancel_requested,
        cancelReason: row.cancel_reason,
        deadlineInMs: row.deadline_in_ms,
      };
    },

    /** Ends the run for good. Put what the run brought about, and its event, into the same transaction. */
    settle: async (claim: ClaimRef, outcome: Outcome): Promise<Run> => {
      const result = 'result' in outcome && outcome.result !== undefined ? toJsonb(outcome.result) : null;
      const problem = 'problem' in outcome ? toJsonb(outcome.problem) : null;
      const values = [claim.runId, claim.attempt, outcome.state, result, problem];
      const [run] = await sql.entities(Run, SETTLE, values);
      return run ?? lost(claim);
    },

    /** Queues the run again, to be claimed after the delay. The attempt counts, unless it is forgiven. */
    requeue: async (
      claim: ClaimRef,
      problem: Problem,
      { delayMs, waitingSince = null, isForgiven = false }: RequeueOptions,
    ): Promise<void> => {
      await fenced(claim, REQUEUE, [toJsonb(problem), delayMs, waitingSince, isForgiven ? 1 : 0]);
    },

    /** Queues the run again at once, because its worker leaves. The attempt does not count against it. */
    giveBack: async (claim: ClaimRef): Promise<void> => {
      await fenced(claim, GIVE_BACK);
    },

    progress: async (claim: ClaimRef, progress: JsonObject): Promise<void> => {
      await fenced(claim, PROGRESS, [toJsonb(progress)]);
    },

    /** Locks the row, so that what follows in this transaction happens under the claim. */
    assertHeld: async (claim: ClaimRef): Promise<void> => {
      await fenced(claim, `SELECT id FROM holdfast.runs WHERE ${FENCE} FOR UPDATE`);
    },

    /** The same, and throws also when the claim has expired, even if no other worker has taken it: others may be ending the run already. */
    assertLive: async (claim: ClaimRef): Promise<void> => {
      const isLive = 'claim_expires_at > clock_timestamp()';
      await fenced(claim, `SELECT id FROM holdfast.runs WHERE ${FENCE} AND ${isLive} FOR UPDATE`);
    },

    /** Numbers the events of one run: 1, 2, 3, without a hole when the transaction commits. */
    nextSequence: async (runId: RunId): Promise<number> => {
      const [row] = await sql.rows<{ event_sequence: number }>(
        'UPDATE holdfast.runs SET event_sequence = event_sequence + 1 WHERE id = $1 RETURNING event_sequence',
        [runId],
      );
      if (row === undefined) throw new AppError('run.missing', `run ${runId} is not in the catalog`);
      return row.event_sequence;
    },
  };
};

interface RenewalRow {
  readonly claim_expires_at: Date;
  readonly is_cancel_requested: boolean;
  readonly cancel_reason: string | null;
  readonly deadline_in_ms: number | null;
}

function lost({ runId, attempt }: ClaimRef): never {
  throw new AppError('claim.lost', `attempt ${attempt} no longer holds run ${runId}`, { runId, attempt });
}
