import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptIdentity } from '#common/engines/engine.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

/** An attempt tells the server its identity as application_name, so that a later one can find its sessions. */
const prefixOf = ({ runId }: Pick<AttemptIdentity, 'runId'>): string => `holdfast ${runId} `;
export const toRestoreName = (identity: AttemptIdentity): string => `${prefixOf(identity)}a${identity.attempt}`;

/** Of the attempt that a session names; a dump's has more words after it. */
const ATTEMPT = `coalesce(substring(application_name FROM ' a([0-9]+)( |$)')::numeric, 0)`;

const POLL_MS = 200;
/** Backends that a signal ends are gone within this, unless the server itself hangs. */
const GONE_WITHIN_MS = 30_000;

/**
 * Ends every session of this attempt of a run and of those before it, and waits for them: nothing that they have begun can be
 * committed any more. Throws: restore.busy when one does not end; the abort reason.
 */
export async function endAttempts(session: PgSession, identity: AttemptIdentity, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const { others } = await session.queryOne<{ others: number }>(
      `SELECT count(pg_terminate_backend(pid))::int AS others
       FROM pg_stat_activity
       WHERE starts_with(application_name, $1) AND ${ATTEMPT} <= $2`,
      [prefixOf(identity), identity.attempt],
    );
    if (others === 0) return;
    if (performance.now() > deadline) {
      throw new AppError('restore.busy', `${others} sessions of an earlier attempt do not end`, {
        runId: identity.runId,
      });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Whether a later attempt of the same run is there. */
export async function hasLaterAttempt(session: PgSession, identity: AttemptIdentity): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_stat_activity WHERE starts_with(application_name, $1) AND ${ATTEMPT} > $2 LIMIT 1`,
    [prefixOf(identity), identity.attempt],
  );
  return rows.length > 0;
}

const RUN = `substring(application_name FROM '^holdfast ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) a[0-9]')`;
const EVERY_ATTEMPT = Number.MAX_SAFE_INTEGER;

/** The advisory lock of the attempt that restores to the database that $1 names. */
export const LOCK_KEY = `hashtextextended('holdfast restore ' || $1::text, 0)`;

/** Whether a row of pg_locks is that lock. */
const IS_LOCK = `locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = ${LOCK_KEY}`;

const LIST_RUNS = `
  SELECT DISTINCT ${RUN} AS "runId"
  FROM pg_stat_activity
  WHERE ${RUN} IS NOT NULL
    AND pid <> pg_backend_pid()
    AND ($1::text IS NULL OR datname = $1 OR pid IN (
      SELECT pid FROM pg_locks WHERE ${IS_LOCK}
    ))`;

/** Runs of any installation that have sessions on the server; with a database, only those that are in the way of restoring it. */
export async function listRuns(session: PgSession, database?: string): Promise<string[]> {
  const rows = await session.query<{ runId: string }>(LIST_RUNS, [database ?? null]);
  return rows.map(({ runId }) => runId);
}

/** The run that restores to the database right now, if it is not the asker's own. */
export async function findLockingRun(session: PgSession, database: string, own = ''): Promise<string | null> {
  const rows = await session.query<{ runId: string | null }>(
    `SELECT ${RUN} AS "runId" FROM pg_stat_activity a JOIN pg_locks l USING (pid)
     WHERE l.granted AND ${IS_LOCK} AND ${RUN} IS DISTINCT FROM $2`,
    [database, own],
  );
  const [holder] = rows;
  return holder === undefined ? null : (holder.runId ?? 'unknown');
}

/** The same for a run that is over, whichever attempts it has left. */
export const endRun = (session: PgSession, runId: string, signal: AbortSignal): Promise<void> =>
  endAttempts(session, { runId, attempt: EVERY_ATTEMPT }, signal);
