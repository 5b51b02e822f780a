import { setTimeout as sleep } from 'node:timers/promises';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

/** How a starting pg_dump stands with the locks of its tables. */
interface LockState {
  readonly held: number;
  readonly isWaiting: boolean;
  readonly isLocking: boolean;
}

export interface LockWait {
  /** Of the dump, and of no other session. */
  readonly applicationName: string;
  /** The tables that the dump will lock, all locked by the holder already. */
  readonly tables: readonly { readonly oid: string }[];
  /** Settles when the dump has ended, one way or the other. */
  readonly ended: Promise<unknown>;
  readonly signal: AbortSignal;
}

const POLL_MS = 10;

/**
 * Waits until a dump has its own locks, or has ended. A dump that waits for one waits for ever: the holder has all of them, so
 * the one in front of it in the queue waits for the holder, who waits for the dump. PostgreSQL sees no deadlock in that, for
 * the holder waits outside of it; the caller must let go and begin again. pg_dump's own parallel mode fails there too.
 * Throws: postgres.changing.
 */
export async function awaitDumpLocks(session: PgSession, o: LockWait): Promise<void> {
  let hasEnded = false;
  const end = o.ended
    .catch(() => undefined)
    .then(() => {
      hasEnded = true;
    });
  while (o.tables.length > 0 && !hasEnded) {
    const state = await readLockState(session, o);
    if (state.isWaiting)
      throw new AppError('postgres.changing', `a session waits to alter a table of ${session.label}`);
    if (state.held >= o.tables.length || (state.held > 0 && !state.isLocking)) return;
    await Promise.race([end, sleep(POLL_MS, undefined, { signal: o.signal })]);
  }
}

function readLockState(session: PgSession, o: LockWait): Promise<LockState> {
  return session.queryOne<LockState>(
    `SELECT
       count(DISTINCT l.relation) FILTER (WHERE l.granted)::int AS held,
       coalesce(bool_or(NOT l.granted), false) AS "isWaiting",
       coalesce(bool_or(a.query LIKE 'LOCK TABLE%'), false) AS "isLocking"
     FROM pg_stat_activity a
     JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'relation' AND l.relation = ANY ($2::oid[])
     WHERE a.application_name = $1`,
    [o.applicationName, o.tables.map(({ oid }) => oid)],
  );
}
