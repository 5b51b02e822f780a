import type { Sql } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';

/** Of a run or a lease: the clock was set back since its instants were written. What synchronization corrects is less than that. */
export const WRITTEN_AHEAD = `timed_at > clock_timestamp() + interval '1 s'`;

/** By as much as the clock was set back: what its holder believes to have left, from now on. */
const FOLLOW = `
  UPDATE holdfast.runs AS run
  SET claim_expires_at = run.claim_expires_at - ahead.by, run_after = run.run_after - ahead.by,
      waiting_since = run.waiting_since - ahead.by
  FROM (
    SELECT id, timed_at - clock_timestamp() AS by
    FROM holdfast.runs
    WHERE state IN ('queued', 'running') AND ${WRITTEN_AHEAD}
    FOR UPDATE SKIP LOCKED
  ) AS ahead
  WHERE run.id = ahead.id
  RETURNING run.id, extract(epoch FROM ahead.by)::float8 AS "aheadSeconds"`;

/** A run whose claim or wait was written by a clock that was ahead. */
export interface FollowedRun {
  readonly id: RunId;
  readonly aheadSeconds: number;
}

export const clockStore = (sql: Sql) => ({
  /**
   * After the database's clock was set back: no claim whose holder died, and no wait, lasts longer than it would have. No claim ends
   * sooner than its holder counts on: its whole time to live is counted again from now. Attempts, and with them the fence, stay as they are.
   */
  follow: (): Promise<FollowedRun[]> => sql.rows<FollowedRun>(FOLLOW),
});
