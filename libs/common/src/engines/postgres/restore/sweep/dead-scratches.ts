import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { identifier, literal, sql } from '#common/pg/sql.js';

/** A database that some attempt has begun to fill and not named. */
export interface Scratch {
  readonly name: string;
  readonly runId: string;
  /** A session of the run's is there: it opens the one that holds its lock before it creates anything. */
  readonly isAlive: boolean;
  /** Since a sweep first found it without run and session, by the server's clock; null: not before now. */
  readonly abandonedForMs: number | null;
}

const MARK = 'holdfast: without a run since ';

const LIST = `
  SELECT scratch.name, scratch.run AS "runId",
    EXISTS (
      SELECT FROM pg_stat_activity WHERE starts_with(application_name, 'holdfast ' || scratch.run || ' ')
    ) AS "isAlive",
    CASE WHEN starts_with(scratch.comment, $1) THEN
      extract(epoch FROM clock_timestamp() - substr(scratch.comment, length($1) + 1)::timestamptz)::float8 * 1000
    END AS "abandonedForMs"
  FROM (
    SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment, substr(datname, 10, 32)::uuid::text AS run
    FROM pg_database
    WHERE datname ~ '^holdfast_[0-9a-f]{32}_a[0-9]+(_[a-z]+)?$'
  ) AS scratch
  ORDER BY scratch.name`;

/** Of every run, of every installation that restores to this server. */
export const listScratches = (session: PgSession): Promise<Scratch[]> => session.query<Scratch>(LIST, [MARK]);

/** Kept with the database, so that neither a restart nor another sweeper begins the wait anew. */
export async function markAbandoned(session: PgSession, name: string): Promise<void> {
  const { now } = await session.queryOne<{ now: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS now`,
  );
  await session.query(sql`COMMENT ON DATABASE ${identifier(name)} IS ${literal(MARK + now)}`);
}

export async function unmarkAbandoned(session: PgSession, name: string): Promise<void> {
  await session.query(sql`COMMENT ON DATABASE ${identifier(name)} IS NULL`);
}

/** Ends every session of the run, whatever database it is in; then drops the database, with all other sessions in it. */
export async function dropScratch(session: PgSession, { name, runId }: Scratch): Promise<void> {
  await session.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, $1)',
    [`holdfast ${runId} `],
  );
  await session.query(sql`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`);
}
