import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import type { ClusterFacts } from './facts.js';
import { numberOf, readFields, textOf } from './proto-fields.js';
import { nameOf, type StoreName } from './temporal-dataset.js';

export interface Namespace {
  readonly id: string;
  readonly name: string;
}

/** What the main store says of itself. */
export interface MainStore {
  readonly schemaVersion: string;
  readonly clusters: readonly ClusterFacts[];
  readonly namespaces: readonly Namespace[];
  /** By the ids of namespaces. */
  readonly open: ReadonlyMap<string, number>;
}

/** What the visibility store says of itself. */
export type VisibilityStore = Pick<MainStore, 'schemaVersion' | 'open'>;

const TABLE_OF: Readonly<Record<StoreName, string>> = {
  main: 'current_executions',
  visibility: 'executions_visibility',
};

/**
 * The version that the schema tool of Temporal wrote. Throws: temporal.store-missing where the database is not that store; postgres.*.
 */
export async function readSchemaVersion(session: PgSession, store: StoreName): Promise<string> {
  try {
    const { found } = await session.queryOne<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [
      TABLE_OF[store],
    ]);
    if (found === null) throw toMissing(session, store, `there is no table ${TABLE_OF[store]}`);
    const [row] = await session.query<{ version: string }>(
      'SELECT curr_version AS version FROM schema_version ORDER BY db_name = current_database() DESC LIMIT 1',
    );
    if (row !== undefined) return row.version;
    throw toMissing(session, store, 'its table schema_version is empty');
  } catch (error) {
    if (sqlStateOf(error) !== '42P01') throw error;
    throw toMissing(session, store, 'there is no table schema_version');
  }
}

const toMissing = ({ label, connection }: PgSession, store: StoreName, why: string): AppError =>
  new AppError('temporal.store-missing', `database ${label} is no ${nameOf(store)} of Temporal: ${why}`, {
    database: connection.database,
  });

/** Throws: temporal.store-missing; postgres.*. */
export async function readMainStore(session: PgSession): Promise<MainStore> {
  const schemaVersion = await readSchemaVersion(session, 'main');
  const clusters = await session.query<{ data: Buffer }>(
    'SELECT data FROM cluster_metadata_info ORDER BY cluster_name',
  );
  const namespaces = await session.query<Namespace>(
    `SELECT encode(id, 'hex')::uuid::text AS id, name FROM namespaces ORDER BY name COLLATE "C"`,
  );
  const open = await readOpen(
    session,
    `SELECT encode(namespace_id, 'hex')::uuid::text AS id, count(*)::int AS open FROM current_executions
     WHERE state IN (1, 2) GROUP BY namespace_id`,
  );
  return { schemaVersion, namespaces, open, clusters: clusters.map(({ data }) => toCluster(data)) };
}

/** Throws: temporal.store-missing; postgres.*. */
export async function readVisibilityStore(session: PgSession): Promise<VisibilityStore> {
  const schemaVersion = await readSchemaVersion(session, 'visibility');
  const open = await readOpen(
    session,
    `SELECT rtrim(namespace_id) AS id, count(*)::int AS open FROM executions_visibility
     WHERE status = 1 GROUP BY namespace_id`,
  );
  return { schemaVersion, open };
}

async function readOpen(session: PgSession, statement: string): Promise<ReadonlyMap<string, number>> {
  const rows = await session.query<{ id: string; open: number }>(statement);
  return new Map(rows.map(({ id, open }) => [id, open]));
}

/** Source: temporal/server/api/persistence/v1/cluster_metadata.proto. */
function toCluster(data: Buffer): ClusterFacts {
  const fields = readFields(data);
  return { name: textOf(fields, 1), historyShardCount: numberOf(fields, 2), id: textOf(fields, 3) };
}
