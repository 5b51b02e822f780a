import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { toPrivileges } from './sql.js';

/** The server and the database as such. */
export type DatabaseFacts = Omit<
  SnapshotFacts,
  | ('tables' | 'objects' | 'sequences' | 'extensions' | 'collations' | 'tablespaces' | 'settings' | 'roles')
  | ('memberships' | 'definitions' | 'largeObjects' | 'tenants')
  | ('warnings' | 'migrationHead')
>;

/** `takenAt` and `lsn` are those of this statement: as the first of a transaction it is the snapshot. */
export function readDatabase(session: PgSession): Promise<DatabaseFacts> {
  return session.queryOne<DatabaseFacts>(`
    SELECT
      to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "takenAt",
      CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn,
      CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
        THEN (SELECT system_identifier::text FROM pg_control_system())
      END AS "systemId",
      current_setting('server_version') AS "serverVersion",
      current_setting('server_version_num')::int AS "serverVersionNum",
      d.datname AS database,
      pg_encoding_to_char(d.encoding) AS encoding,
      d.datcollate AS collation,
      d.datctype AS "characterType",
      CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS "localeProvider",
      -- datlocale from 17, daticulocale before.
      coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
      to_jsonb(d) ->> 'daticurules' AS "localeRules",
      pg_get_userbyid(d.datdba) AS "databaseOwner",
      ${toPrivileges(`coalesce(d.datacl, acldefault('d', d.datdba))`)} AS "databasePrivileges",
      shobj_description(d.oid, 'pg_database') AS "databaseComment",
      d.datconnlimit AS "connectionLimit",
      pg_database_size(d.oid)::float8 AS "sizeBytes"
    FROM pg_database d
    WHERE d.datname = current_database()`);
}
