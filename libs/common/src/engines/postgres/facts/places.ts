import type { CollationFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { USER_SCHEMA } from './sql.js';

/** Columns and types name a collation whether they depend on it or not: PostgreSQL pins what it was born with. */
const COLLATIONS = `
  WITH used AS (
    SELECT a.attcollation AS oid
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attcollation <> 0 AND NOT a.attisdropped AND ${USER_SCHEMA}
    UNION
    SELECT t.typcollation FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE ${USER_SCHEMA}
    UNION
    SELECT d.refobjid FROM pg_depend d WHERE d.refclassid = 'pg_collation'::regclass
    UNION
    SELECT l.oid FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE ${USER_SCHEMA}
  ),
  found AS (
    SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname) AS name, l.collprovider AS provider,
      -- colllocale from 17, colliculocale in 15 and 16, before in both others.
      coalesce(to_jsonb(l) ->> 'colllocale', to_jsonb(l) ->> 'colliculocale', l.collcollate) AS sorting, l.collctype AS characters
    FROM used
    JOIN pg_collation l ON l.oid = used.oid
    JOIN pg_namespace n ON n.oid = l.collnamespace
  )
  SELECT name, CASE provider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS provider,
    ARRAY(SELECT DISTINCT locale FROM unnest(ARRAY[sorting, characters]) AS locale WHERE locale IS NOT NULL ORDER BY locale) AS locales
  FROM found
  WHERE provider <> 'd' AND (provider <> 'c' OR sorting NOT IN ('C', 'POSIX') OR characters NOT IN ('C', 'POSIX'))
  ORDER BY name COLLATE "C"`;

/** Collations that are not on every server: those of ICU and of the operating system. */
export const readCollations = (session: PgSession): Promise<CollationFacts[]> =>
  session.query<CollationFacts>(COLLATIONS);

/** By name; that of the database itself is not among them. */
export async function readTablespaces(session: PgSession): Promise<string[]> {
  const rows = await session.query<{ name: string }>(`
    SELECT DISTINCT s.spcname::text AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_tablespace s ON s.oid = c.reltablespace
    WHERE ${USER_SCHEMA} AND s.spcname !~ '^pg_'
    ORDER BY 1`);
  return rows.map(({ name }) => name);
}
