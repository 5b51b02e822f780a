import { setTimeout as sleep } from 'node:timers/promises';
import type { PgConnection } from '#common/engines/postgres/pg-connection.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

/** Which try at which run writes to a database: told to the server as application_name, so that a later try can find it. */
export interface RestoreIdentity {
  readonly runId: string;
  readonly attempt: number;
}

const POLL_MS = 200;
/** Backends that were told to end do so within this, unless the server itself hangs. */
const GONE_WITHIN_MS = 30_000;

const prefixOf = ({ runId }: RestoreIdentity): string => `holdfast ${runId} `;
export const toRestoreName = (identity: RestoreIdentity): string => `${prefixOf(identity)}a${identity.attempt}`;

/**
 * Makes overlap impossible: ends every session of older attempts of the same run, then holds a session lock for the database until
 * `close`. The lock lives in the maintenance database, over a direct connection (a pooler would hand it to somebody else).
 * Throws: restore.busy while another run restores the same database.
 */
export async function lockDatabase(
  maintenance: PgConnection,
  database: string,
  identity: RestoreIdentity,
  signal: AbortSignal,
): Promise<PgSession> {
  const session = await PgSession.open(maintenance, { signal, applicationName: toRestoreName(identity) });
  try {
    await endOlderAttempts(session, identity, signal);
    const { locked } = await session.queryOne<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(hashtextextended('holdfast restore ' || $1, 0)) AS locked`,
      [database],
    );
    if (!locked)
      throw new AppError('restore.busy', `another restore is writing to database "${database}"`, { database });
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** An older attempt may be frozen, or its process may have outlived its claim: its sessions must be gone before this one writes. */
async function endOlderAttempts(session: PgSession, identity: RestoreIdentity, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const { others } = await session.queryOne<{ others: number }>(
      `SELECT count(pg_terminate_backend(pid))::int AS others
       FROM pg_stat_activity
       WHERE starts_with(application_name, $1) AND application_name <> $2`,
      [prefixOf(identity), toRestoreName(identity)],
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

export interface LockHolder {
  readonly pid: number;
  readonly role: string;
  readonly application: string;
  readonly state: string;
}

/** Sessions that hold locks in a database in a transaction of their own, the oldest first. */
export const findLockHolders = (session: PgSession, database: string): Promise<LockHolder[]> =>
  session.query<LockHolder>(
    `SELECT a.pid, coalesce(a.usename, '')::text AS role, coalesce(a.application_name, '') AS application,
       coalesce(a.state, '') AS state
     FROM pg_stat_activity a
     WHERE a.datname = $1 AND a.xact_start IS NOT NULL
       AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation')
     ORDER BY a.xact_start
     LIMIT 5`,
    [database],
  );
