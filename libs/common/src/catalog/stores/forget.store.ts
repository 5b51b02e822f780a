import type { Sql } from '#common/catalog/sql.js';

const OLDER = 'clock_timestamp() - make_interval(secs => $1 / 1000.0)';

/**
 * Settled long ago, and nothing asks for it any more: it made no backup that is still there, no schedule looks at it, and a later one
 * of its kind and method says whether the dataset's runs fail.
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
          AND later.request ->> 'method' IS NOT DISTINCT FROM run.request ->> 'method'
          AND (later.settled_at, later.number) > (run.settled_at, run.number)
      )
    )
  ORDER BY run.settled_at
  LIMIT $2
  FOR UPDATE OF run SKIP LOCKED`;

const OF_RUNS = ['restores', 'verifications', 'replays', 'drills'];

/** Reserved by a run that ended without it. */
const RESERVED_IN_VAIN = `
  DELETE FROM holdfast.backups
  WHERE id = ANY (ARRAY(
    SELECT backup.id
    FROM holdfast.backups AS backup
    WHERE backup.state = 'reserved' AND backup.reserved_at < ${OLDER}
      AND NOT EXISTS (SELECT FROM holdfast.runs WHERE id = backup.run_id AND state IN ('queued', 'running'))
    LIMIT $2
    FOR UPDATE OF backup SKIP LOCKED
  ))`;

/**
 * The row stays, for it says that there is no way back: a store that lets nothing go may have the backup's objects still. What lists
 * thousands of tables goes.
 */
const STRIP_EXPIRED = `
  UPDATE holdfast.backups
  SET manifest = '{}'
  WHERE id = ANY (ARRAY(
    SELECT id FROM holdfast.backups
    WHERE state = 'expired' AND expired_at < ${OLDER} AND manifest <> '{}'
    LIMIT $2
    FOR UPDATE SKIP LOCKED
  ))`;

const PROOFS_OF_EXPIRED = `
  DELETE FROM holdfast.proofs
  WHERE backup_id = ANY (ARRAY(
    SELECT id FROM holdfast.backups
    WHERE state = 'expired' AND expired_at < ${OLDER} AND id IN (SELECT backup_id FROM holdfast.proofs)
    LIMIT $2
  ))`;

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

  backups: (olderThanMs: number, limit: number): Promise<number> =>
    sql.affected(RESERVED_IN_VAIN, [olderThanMs, limit]),

  /** Only what they were made of. */
  manifests: (olderThanMs: number, limit: number): Promise<number> => sql.affected(STRIP_EXPIRED, [olderThanMs, limit]),

  /** Of backups that are gone. */
  proofs: (olderThanMs: number, limit: number): Promise<number> =>
    sql.affected(PROOFS_OF_EXPIRED, [olderThanMs, limit]),

  /** The database refuses what is younger than 90 days. */
  audit: (olderThanMs: number, limit: number): Promise<number> => sql.affected(FORGET_AUDIT, [olderThanMs, limit]),
});
