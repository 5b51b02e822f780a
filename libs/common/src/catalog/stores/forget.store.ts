import type { Sql } from '#common/catalog/sql.js';

const OLDER = 'clock_timestamp() - make_interval(secs => $1 / 1000.0)';

/**
 * Settled long ago, and nothing asks for it any more: it made no backup that is still there, no schedule looks at it, and a later one
 * of its kind says whether the dataset's runs fail.
 */
const OLD_RUNS = `
  SELECT run.id
  FROM holdfast.runs AS run
  WHERE run.settled_at < ${OLDER}
    AND NOT EXISTS (SELECT FROM holdfast.backups WHERE run_id = run.id AND state = 'completed')
    AND NOT EXISTS (SELECT FROM holdfast.schedules WHERE last_run_id = run.id)
    AND (
      run.state = 'cancelled'
      OR EXISTS (
        SELECT FROM holdfast.runs AS later
        WHERE later.dataset = run.dataset AND later.kind = run.kind AND later.state IN ('completed', 'failed')
          AND (later.settled_at, later.number) > (run.settled_at, run.number)
      )
    )
  ORDER BY run.settled_at
  LIMIT $2
  FOR UPDATE OF run SKIP LOCKED`;

const OF_RUNS = ['restores', 'verifications', 'replays'];

/** Deleted from every repository, or reserved by a run that ended without it. */
const OLD_BACKUPS = `
  SELECT backup.id
  FROM holdfast.backups AS backup
  WHERE CASE backup.state
      WHEN 'expired' THEN backup.expired_at < ${OLDER}
        AND NOT EXISTS (SELECT FROM holdfast.backup_copies WHERE backup_id = backup.id AND state <> 'expired')
      WHEN 'reserved' THEN backup.reserved_at < ${OLDER}
        AND NOT EXISTS (SELECT FROM holdfast.runs WHERE id = backup.run_id AND state IN ('queued', 'running'))
      ELSE false
    END
  LIMIT $2
  FOR UPDATE OF backup SKIP LOCKED`;

/** Ids ascend with time: only the oldest are looked at. */
const FORGET_AUDIT = `
  DELETE FROM holdfast.audit
  WHERE id = ANY (ARRAY(
    SELECT id FROM (SELECT id, at FROM holdfast.audit ORDER BY id LIMIT $2) AS oldest WHERE at < ${OLDER}
  ))`;

/** Deletes at most `limit` rows that are older than an age, with what belongs to them; each returns how many. */
export const forgetStore = (sql: Sql) => ({
  runs: async (olderThanMs: number, limit: number): Promise<number> => {
    const ids = (await sql.rows<{ id: string }>(OLD_RUNS, [olderThanMs, limit])).map(({ id }) => id);
    for (const table of OF_RUNS) await sql.affected(`DELETE FROM holdfast.${table} WHERE run_id = ANY ($1)`, [ids]);
    return sql.affected('DELETE FROM holdfast.runs WHERE id = ANY ($1)', [ids]);
  },

  backups: async (olderThanMs: number, limit: number): Promise<number> => {
    const ids = (await sql.rows<{ id: string }>(OLD_BACKUPS, [olderThanMs, limit])).map(({ id }) => id);
    await sql.affected('DELETE FROM holdfast.backup_copies WHERE backup_id = ANY ($1)', [ids]);
    return sql.affected('DELETE FROM holdfast.backups WHERE id = ANY ($1)', [ids]);
  },

  /** The database refuses what is younger than 90 days. */
  audit: (olderThanMs: number, limit: number): Promise<number> => sql.affected(FORGET_AUDIT, [olderThanMs, limit]),
});
