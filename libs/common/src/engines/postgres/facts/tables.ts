import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { isExtensionMember, USER_SCHEMA } from './sql.js';

/** One table that stores or partitions rows of this database. */
export interface TableEntry {
  readonly oid: string;
  /** schema.table, each quoted as PostgreSQL needs it. */
  readonly name: string;
  /** schema.table without quotes: what patterns are matched with. */
  readonly plainName: string;
  readonly isPartitioned: boolean;
  /** Of a partition: the oid of the table it belongs to. */
  readonly partitionOf: string | null;
  readonly rlsEnabled: boolean;
  readonly rlsForced: boolean;
  /** The rows of an unlogged table do not exist on a standby, and pg_dump leaves them out there. */
  readonly isUnlogged: boolean;
  /** Of the configuration tables that an extension lets pg_dump copy. */
  readonly isExtensionConfig: boolean;
  /** Quoted, by name: an order that does not depend on how the table came about. */
  readonly columns: readonly string[];
  /** Rows per block as the last ANALYZE saw them; a table never analysed counts as dense, so as large. */
  readonly density: number;
}

/** Every table whose rows pg_dump copies, in a fixed order. Foreign tables are not among them: their rows are elsewhere. */
export function listTables(session: PgSession): Promise<TableEntry[]> {
  return session.query<TableEntry>(`
    SELECT
      c.oid::text AS oid,
      quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,
      n.nspname || '.' || c.relname AS "plainName",
      c.relkind = 'p' AS "isPartitioned",
      CASE WHEN c.relispartition THEN i.inhparent::text END AS "partitionOf",
      c.relrowsecurity AS "rlsEnabled",
      c.relforcerowsecurity AS "rlsForced",
      c.relpersistence = 'u' AS "isUnlogged",
      x.oid IS NOT NULL AS "isExtensionConfig",
      ARRAY(
        SELECT quote_ident(a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attname
      ) AS columns,
      CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples / c.relpages ELSE 250 END AS density
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
    LEFT JOIN pg_extension x ON c.oid = ANY (x.extconfig)
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
      AND (x.oid IS NOT NULL OR NOT ${isExtensionMember('pg_class', 'c.oid')})
    ORDER BY n.nspname, c.relname`);
}

/** What must be equal for two lists to be of the same tables. */
export const toTableListKey = (tables: readonly TableEntry[]): string =>
  JSON.stringify(tables.map(({ oid, name, isPartitioned }) => [oid, name, isPartitioned]));
