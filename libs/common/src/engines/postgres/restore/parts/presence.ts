import type { TocEntry } from '#common/engines/postgres/archive-toc.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

/** What can be needed or replaced, and is found by kind, schema and name. Whatever else is needed, PostgreSQL itself finds missing. */
const LOOKED_FOR: Readonly<Record<string, string>> = {
  TABLE: 'relation',
  'FOREIGN TABLE': 'relation',
  VIEW: 'relation',
  'MATERIALIZED VIEW': 'relation',
  SEQUENCE: 'relation',
  TYPE: 'type',
  DOMAIN: 'type',
  FUNCTION: 'routine',
  PROCEDURE: 'routine',
  AGGREGATE: 'routine',
  SCHEMA: 'schema',
  EXTENSION: 'extension',
  COLLATION: 'collation',
  'FK CONSTRAINT': 'constraint',
};

/** A routine's tag ends with its arguments, that of a constraint begins with its table. */
const FIND = `
  SELECT w.id
  FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS w (id, what, schema, tag)
  LEFT JOIN pg_namespace n ON n.nspname = w.schema
  WHERE CASE w.what
    WHEN 'relation' THEN EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = w.tag)
    WHEN 'type' THEN EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid AND t.typname = w.tag)
    WHEN 'routine' THEN EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND starts_with(w.tag, p.proname || '('))
    WHEN 'schema' THEN EXISTS (SELECT FROM pg_namespace s WHERE s.nspname = w.tag)
    WHEN 'extension' THEN EXISTS (SELECT FROM pg_extension x WHERE x.extname = w.tag)
    WHEN 'collation' THEN EXISTS (SELECT FROM pg_collation o WHERE o.collnamespace = n.oid AND o.collname = w.tag)
    WHEN 'constraint' THEN EXISTS (
      SELECT FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE c.relnamespace = n.oid AND w.tag = c.relname || ' ' || k.conname)
  END`;

/** Ids of the entries that the database of the session has, those included that it cannot be asked for. */
export async function findPresent(session: PgSession, entries: readonly TocEntry[]): Promise<ReadonlySet<number>> {
  const asked = entries.filter(({ kind }) => LOOKED_FOR[kind] !== undefined);
  const rows = await session.query<{ id: number }>(FIND, [
    asked.map(({ id }) => id),
    asked.map(({ kind }) => LOOKED_FOR[kind]),
    asked.map(({ schema }) => schema),
    asked.map(({ tag }) => tag),
  ]);
  const known = new Set(asked.map(({ id }) => id));
  return new Set([...rows.map(({ id }) => id), ...entries.map(({ id }) => id).filter((id) => !known.has(id))]);
}
