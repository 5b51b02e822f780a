import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

/** A relation with the file that it has at one moment. */
export interface PlacedRelation {
  /** As PostgreSQL prints it: `public.orders`. */
  readonly name: string;
  readonly oid: string;
  readonly file: string;
  readonly isToast: boolean;
}

export interface PlacedRelations {
  /** The number of the database that they are in. */
  readonly databaseOid: string;
  readonly relations: readonly PlacedRelation[];
}

const PLACED = `
  SELECT c.oid::text AS oid, pg_relation_filenode(c.oid)::text AS file, c.relkind = 't' AS "isToast",
    format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence = 'p' AND c.oid >= 16384`;

/** A table as the operator names it, its partitions, and the TOAST of each. */
const OF_TABLE = `${PLACED} AND c.oid IN (
    WITH own AS (
      SELECT to_regclass($1)::oid AS oid UNION SELECT relid FROM pg_partition_tree(to_regclass($1))
    )
    SELECT oid FROM own UNION SELECT reltoastrelid FROM pg_class JOIN own USING (oid)
  )`;

/**
 * The tables of a session's database, or one of them with its partitions, and their files now.
 * Throws: wal.relation-unknown for a table that is not there, or that WAL has nothing of; postgres.*.
 */
export async function placeRelations(session: PgSession, table: string | undefined): Promise<PlacedRelations> {
  const { oid: databaseOid } = await session.queryOne<{ oid: string }>(
    `SELECT oid::text AS oid FROM pg_database WHERE datname = current_database()`,
  );
  const relations = await (table === undefined
    ? session.query<PlacedRelation>(PLACED)
    : session.query<PlacedRelation>(OF_TABLE, [table]));
  if (table === undefined || relations.some(({ isToast }) => !isToast)) return { databaseOid, relations };
  const [there] = await session.query(`SELECT FROM pg_class WHERE oid = to_regclass($1)`, [table]);
  const why = there === undefined ? 'is not there' : 'has no rows of its own that WAL tells of: a view, or unlogged';
  throw new AppError('wal.relation-unknown', `${table} ${why} in ${session.label}`, { table });
}
