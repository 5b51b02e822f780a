import { createHash } from 'node:crypto';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { isExtensionMember, USER_SCHEMA } from './facts-sql.js';

const IDENTITY = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;

/** By place, not by number: numbers count dropped columns, which a restore does not bring back. */
const COLUMNS = `
  SELECT 'column' AS kind, ${IDENTITY} AS parent,
    lpad(row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum)::text, 5, '0') AS name,
    jsonb_build_array(
      a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
      pg_get_expr(d.adbin, d.adrelid), l.collname
    )::text AS definition
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const TABLES = `
  SELECT 'table', ${IDENTITY}, '',
    jsonb_build_array(
      c.relkind, c.relpersistence, c.relreplident, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
      ARRAY(SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno)
    )::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

/** Without NOT NULL, which is a constraint of its own from 18 and says no more than the column does. */
const CONSTRAINTS = `
  SELECT 'constraint', ${IDENTITY}, k.conname, pg_get_constraintdef(k.oid)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype NOT IN ('n', 't') AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const DOMAIN_CONSTRAINTS = `
  SELECT 'domain constraint', quote_ident(n.nspname) || '.' || quote_ident(t.typname), k.conname, pg_get_constraintdef(k.oid)
  FROM pg_constraint k
  JOIN pg_type t ON t.oid = k.contypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE k.contype <> 'n' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_type', 't.oid')}`;

const INDEXES = `
  SELECT 'index', quote_ident(n.nspname) || '.' || quote_ident(t.relname), c.relname, pg_get_indexdef(c.oid)
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${USER_SCHEMA} AND c.relpersistence <> 't' AND (i.indisvalid OR t.relkind = 'p')
    AND NOT ${isExtensionMember('pg_class', 'i.indrelid')}`;

const TRIGGERS = `
  SELECT 'trigger', ${IDENTITY}, g.tgname, g.tgenabled::text || ' ' || pg_get_triggerdef(g.oid)
  FROM pg_trigger g
  JOIN pg_class c ON c.oid = g.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT g.tgisinternal AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_class', 'c.oid')}`;

const ENUMS = `
  SELECT 'enum', quote_ident(n.nspname) || '.' || quote_ident(t.typname), '',
    jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)::text
  FROM pg_enum e
  JOIN pg_type t ON t.oid = e.enumtypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE ${USER_SCHEMA} AND NOT ${isExtensionMember('pg_type', 't.oid')}
  GROUP BY n.nspname, t.typname`;

interface SchemaRow {
  readonly kind: string;
  readonly parent: string;
  readonly name: string;
  readonly definition: string | null;
}

const PARTS = [COLUMNS, TABLES, CONSTRAINTS, DOMAIN_CONSTRAINTS, INDEXES, TRIGGERS, ENUMS].join('\n  UNION ALL');

/** One digest of what the tables of this database are made of. Across major versions expressions may print differently. */
export async function readSchemaSha256(session: PgSession): Promise<string> {
  const rows = await session.query<SchemaRow>(
    `SELECT * FROM (${PARTS}\n) AS part
     ORDER BY kind, parent COLLATE "C", name COLLATE "C"`,
  );
  const hash = createHash('sha256');
  for (const { kind, parent, name, definition } of rows) {
    hash.update(`${JSON.stringify([kind, parent, name, definition])}\n`);
  }
  return hash.digest('hex');
}
