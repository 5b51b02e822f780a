import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

/** Whether the server has tablespaces besides its own. If it has none, the restore leaves them out of the archive: all goes to the default. */
export async function hasTablespaces(session: PgSession): Promise<boolean> {
  const rows = await session.query(`SELECT FROM pg_tablespace WHERE spcname !~ '^pg_'`);
  return rows.length > 0;
}

/** Of those that the backup's tables and indexes lie in: those that a server with tablespaces lacks. */
export async function findMissingTablespaces(session: PgSession, { tablespaces }: SnapshotFacts): Promise<string[]> {
  if (tablespaces.length === 0 || !(await hasTablespaces(session))) return [];
  const rows = await session.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
     WHERE NOT EXISTS (SELECT FROM pg_tablespace s WHERE s.spcname = name) ORDER BY name`,
    [tablespaces],
  );
  return rows.map(({ name }) => name);
}

/** Those that are there and in which the session's role may create nothing. */
export async function findClosedTablespaces(session: PgSession, { tablespaces }: SnapshotFacts): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT s.spcname::text AS name FROM pg_tablespace s
     WHERE s.spcname = ANY ($1::text[]) AND NOT has_tablespace_privilege(s.oid, 'CREATE') ORDER BY 1`,
    [tablespaces],
  );
  return rows.map(({ name }) => name);
}
