import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { type RestoreIdentity, toRestoreName } from './restore-sessions.js';
import { quoteLiteral } from './restore-sql.js';

/** SQLSTATE of our own: the session that holds the restore lock is gone. */
export const FENCED = 'HF001';

/**
 * Statements that let a transaction begin, and commit, only while the session that holds the restore lock lives. A child whose parent
 * was killed, and a frozen attempt that thaws after a later one went ahead, end in a rollback, whatever they still do.
 */
export function fenceStatements(lock: PgSession, identity: RestoreIdentity): string[] {
  // A transaction sees the sessions of its first look unless it is told to look again.
  const check = `PERFORM pg_catalog.pg_stat_clear_snapshot();
    IF NOT EXISTS (
      SELECT FROM pg_catalog.pg_stat_activity
      WHERE pid = ${lock.backendPid} AND application_name = ${quoteLiteral(toRestoreName(identity))}
    ) THEN
      RAISE EXCEPTION 'the session that holds the restore lock is gone' USING ERRCODE = '${FENCED}';
    END IF;`;
  return [
    `DO $fence$ BEGIN ${check} END $fence$`,
    `CREATE FUNCTION pg_temp.holdfast_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog AS $fence$ BEGIN ${check} RETURN NULL; END $fence$`,
    'CREATE TEMPORARY TABLE holdfast_fence () ON COMMIT DROP',
    `CREATE CONSTRAINT TRIGGER holdfast_fence AFTER INSERT ON pg_temp.holdfast_fence
     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.holdfast_fence()`,
    'INSERT INTO pg_temp.holdfast_fence DEFAULT VALUES',
  ];
}
