import type { AttemptIdentity } from '#common/engines/engine.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { body, literal, type Sql, sql } from '#common/pg/sql.js';
import { toRestoreName } from './sessions.js';

/** SQLSTATE of our own: the session that holds the restore lock is gone. */
export const FENCED = 'HF001';

/**
 * Statements that let a transaction begin, and commit, only while the session that holds the restore lock lives. A child whose parent
 * was killed, and a frozen attempt that thaws after a later one went ahead, end in a rollback, whatever they still do.
 */
export function fenceStatements(lock: PgSession, identity: AttemptIdentity): Sql[] {
  // A transaction sees the sessions of its first look unless it asks to look again.
  const check = sql`PERFORM pg_catalog.pg_stat_clear_snapshot();
    IF NOT EXISTS (
      SELECT FROM pg_catalog.pg_stat_activity
      WHERE pid = ${lock.backendPid} AND application_name = ${literal(toRestoreName(identity))}
    ) THEN
      RAISE EXCEPTION 'the session that holds the restore lock is gone' USING ERRCODE = ${literal(FENCED)};
    END IF;`;
  return [
    sql`DO ${body(sql`BEGIN ${check} END`)}`,
    sql`CREATE FUNCTION pg_temp.holdfast_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog AS ${body(sql`BEGIN ${check} RETURN NULL; END`)}`,
    sql`CREATE TEMPORARY TABLE holdfast_fence () ON COMMIT DROP`,
    sql`CREATE CONSTRAINT TRIGGER holdfast_fence AFTER INSERT ON pg_temp.holdfast_fence
     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.holdfast_fence()`,
    sql`INSERT INTO pg_temp.holdfast_fence DEFAULT VALUES`,
  ];
}
