import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptIdentity } from '#common/engines/engine.js';
import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { toRestoreName } from '#common/engines/postgres/restore/sessions.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, type Sql, sql } from '#common/pg/sql.js';

export interface Exchange {
  readonly target: Pick<PostgresTarget, 'connection'>;
  readonly identity: AttemptIdentity;
  /** Holds the restore lock: with it the exchange is gone. */
  readonly lock: PgSession;
  /** One after another: a name is free again when the rename before has left it. */
  readonly renames: readonly { readonly from: string; readonly to: string }[];
  /** Part of the same step. */
  readonly statements: readonly Sql[];
}

/** Of five seconds each: so long PostgreSQL itself waits for sessions to end. */
const TRIES = 6;
const IN_USE = '55006';

/**
 * Renames databases in one transaction while clients connect and work: whatever dies, all of the names have changed or none. The first RENAME
 * locks its database before it looks for sessions, so that a client that connects from then on waits for the end of the transaction; the sessions that are
 * there are ended meanwhile from beside. Nothing is written that would keep clients out if this process died.
 * Throws: restore.busy where sessions do not end; postgres.*; the abort reason.
 * Source: PostgreSQL, RenameDatabase and CountOtherDBBackends; docs/decisions/0151-a-swap-renames-while-clients-wait.md
 */
export async function exchange(o: Exchange, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryExchange(o, signal);
    } catch (error) {
      if (sqlStateOf(error) !== IN_USE) throw error;
      if (tries < TRIES) continue;
      const message = `sessions of database "${o.renames[0]?.from ?? ''}" do not end; nothing was exchanged`;
      throw new AppError('restore.busy', message, {}, { cause: error, hint: STUBBORN });
    }
  }
}

const STUBBORN =
  'Look at pg_stat_activity for what does not end: a backend that writes a core or waits for a disk; then restore again.';

async function tryExchange({ lock, renames, statements, ...o }: Exchange, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const names = renames.map(({ from }) => from);
  const ending = endSessions(names, { ...o, over: over.signal }, signal);
  ending.catch(() => undefined);
  try {
    await lock.query('BEGIN');
    for (const { from, to } of renames)
      await lock.query(sql`ALTER DATABASE ${identifier(from)} RENAME TO ${identifier(to)}`);
    for (const statement of statements) await lock.query(statement);
    await lock.query('COMMIT');
  } catch (error) {
    await lock.query('ROLLBACK').catch(() => undefined);
    over.abort();
    // Why the sessions are still there tells more than that they are.
    if (sqlStateOf(error) === IN_USE) await ending;
    throw error;
  } finally {
    over.abort();
    await ending.catch(() => undefined);
  }
}

const EVERY_MS = 50;

interface Ending extends Pick<Exchange, 'target' | 'identity'> {
  readonly over: AbortSignal;
}

/** Again and again: one that connected before the lock may come to life after the first look. */
function endSessions(names: readonly string[], { target, identity, over }: Ending, signal: AbortSignal): Promise<void> {
  const options = { signal, applicationName: toRestoreName(identity) };
  return withPgSession(serverOf(target), options, async (session) => {
    while (!over.aborted) {
      await session.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = ANY ($1::text[]) AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'`,
        [names],
      );
      await sleep(EVERY_MS, undefined, { signal: over }).catch(() => undefined);
    }
  });
}
