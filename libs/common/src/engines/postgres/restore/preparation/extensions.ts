import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { body, identifier, literal, type Sql, sql } from '#common/pg/sql.js';

/** `plpgsql` is in every database. */
const wanted = ({ extensions }: SnapshotFacts) => extensions.filter(({ name }) => name !== 'plpgsql');

/** Schemas that hold an extension: they must be there before it, so the archive's own CREATE SCHEMA would come too late. */
export const extensionSchemas = (facts: SnapshotFacts): string[] => [
  ...new Set(wanted(facts).map(({ schema }) => schema)),
];

/**
 * Creates the extensions that the session's database lacks, each after those that it requires. By the administrator and before
 * the archive is restored: the role that will own the data may not be allowed to create them.
 */
export async function extensionStatements(session: PgSession, facts: SnapshotFacts): Promise<Sql[]> {
  const extensions = wanted(facts);
  const requirements = await readRequirements(
    session,
    extensions.map(({ name }) => name),
  );
  const ordered = inOrder(extensions, requirements);
  return [
    ...extensionSchemas(facts).map((schema) => sql`CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`),
    ...ordered.map(
      ({ name, schema }) => sql`CREATE EXTENSION IF NOT EXISTS ${identifier(name)} SCHEMA ${identifier(schema)}`,
    ),
    ...facts.extensions.map(toComment),
  ];
}

/**
 * CREATE EXTENSION gives every extension the comment of its own version. Only its owner may change that: where the role that restores is not
 * the owner, the comment stays as it is, and the probe of extensions tells it.
 */
function toComment({ name, comment }: SnapshotFacts['extensions'][number]): Sql {
  const wanted = comment === null ? sql`NULL` : literal(comment);
  return sql`DO ${body(sql`BEGIN
      IF EXISTS (
        SELECT FROM pg_catalog.pg_extension
        WHERE extname = ${literal(name)} AND pg_catalog.pg_has_role(extowner, 'USAGE')
          AND pg_catalog.obj_description(oid, 'pg_extension') IS DISTINCT FROM ${wanted}
      ) THEN
        COMMENT ON EXTENSION ${identifier(name)} IS ${wanted};
      END IF;
    END`)}`;
}

async function readRequirements(session: PgSession, names: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await session.query<{ name: string; requires: string[] }>(
    `SELECT v.name, coalesce(v.requires, '{}')::text[] AS requires
     FROM pg_available_extensions a
     JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
     WHERE a.name = ANY ($1::text[])`,
    [names],
  );
  return new Map(rows.map(({ name, requires }) => [name, requires]));
}

function inOrder<E extends { readonly name: string }>(extensions: readonly E[], requirements: Map<string, string[]>) {
  const ordered = new Set<E>();
  const visit = (extension: E): void => {
    for (const required of requirements.get(extension.name) ?? []) {
      const other = extensions.find(({ name }) => name === required);
      if (other !== undefined) visit(other);
    }
    ordered.add(extension);
  };
  for (const extension of extensions) visit(extension);
  return [...ordered];
}

/**
 * Empties the extensions' own tables of the rows that a dump copies (PostGIS keeps added reference systems so): extensions stay
 * in place, and the archive's rows would otherwise come on top.
 */
export const CONFIG_ROWS: Sql = sql`DO ${body(sql`DECLARE statement text;
  BEGIN
    FOR statement IN
      SELECT format('DELETE FROM ONLY %I.%I %s', n.nspname, c.relname, config.condition)
      FROM pg_catalog.pg_extension x
      CROSS JOIN LATERAL unnest(x.extconfig, x.extcondition) AS config (relation, condition)
      JOIN pg_catalog.pg_class c ON c.oid = config.relation
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p')
    LOOP
      EXECUTE statement;
    END LOOP;
  END`)}`;

/** What the server cannot create, by name. */
export async function findMissingExtensions(session: PgSession, facts: SnapshotFacts): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
     WHERE NOT EXISTS (SELECT FROM pg_available_extensions a WHERE a.name = name.name) ORDER BY name`,
    [wanted(facts).map(({ name }) => name)],
  );
  return rows.map(({ name }) => name);
}
