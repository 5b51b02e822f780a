import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

/** What SQL tells of the cluster before it is copied. */
export type SourceFacts = Pick<
  BaseFacts,
  | 'superuser'
  | 'serverVersion'
  | 'serverVersionNum'
  | 'isFromStandby'
  | 'dataChecksums'
  | 'segmentBytes'
  | 'databases'
  | 'settings'
> & {
  readonly startedAt: string;
  readonly walLevel: string;
  /** Whether the server keeps note of the blocks that change, from which it makes incremental copies; false before 17. */
  readonly summarizesWal: boolean;
  readonly tablespaceNames: Readonly<Record<string, string>>;
};

/** Recovery refuses, or stops to wait, on a server where one of these is lower. Source: PostgreSQL "Hot Standby", "Administrator's Overview". */
const NEEDED = [
  ...['max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions'],
  ...['max_locks_per_transaction', 'track_commit_timestamp', 'shared_preload_libraries'],
];

const INSTANT = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Throws: postgres.tool-too-old never; postgres.replication for a server whose WAL recovers nothing; request.refused for one before 15. */
export async function readSource(session: PgSession): Promise<SourceFacts> {
  const source = await session.queryOne<SourceFacts>(
    `SELECT ${INSTANT} AS "startedAt",
       current_setting('server_version') AS "serverVersion",
       current_setting('server_version_num')::int AS "serverVersionNum",
       pg_is_in_recovery() AS "isFromStandby",
       current_setting('data_checksums') = 'on' AS "dataChecksums",
       pg_size_bytes(current_setting('wal_segment_size'))::float8 AS "segmentBytes",
       current_setting('wal_level') AS "walLevel",
       coalesce(current_setting('summarize_wal', true) = 'on', false) AS "summarizesWal",
       (SELECT rolname FROM pg_roles WHERE oid = 10) AS superuser,
       (SELECT jsonb_agg(jsonb_build_object('name', datname, 'sizeBytes', pg_database_size(oid)) ORDER BY datname)
        FROM pg_database WHERE has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')) AS databases,
       (SELECT jsonb_object_agg(oid, spcname) FROM pg_tablespace) AS "tablespaceNames",
       (SELECT jsonb_object_agg(name, setting) FROM pg_settings WHERE name = ANY ($1)) AS settings`,
    [NEEDED],
  );
  if (source.serverVersionNum < 150_000)
    throw new AppError(
      'request.refused',
      `physical backups need PostgreSQL 15 or newer, and ${session.label} is ${source.serverVersion}`,
    );
  if (source.walLevel === 'minimal')
    throw new AppError('postgres.replication', `${session.label} has wal_level = minimal: its WAL cannot be replayed`);
  return source;
}

/** By the source's own clock. */
export const readInstant = async (session: PgSession): Promise<string> =>
  (await session.queryOne<{ at: string }>(`SELECT ${INSTANT} AS at`)).at;
