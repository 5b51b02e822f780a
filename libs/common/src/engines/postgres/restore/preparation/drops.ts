import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import { body, joined, printed, type Sql, sql, textArray } from '#common/pg/sql.js';

const DROPS: Readonly<Partial<Record<ObjectFacts['kind'], Sql>>> = {
  view: sql`VIEW`,
  'materialized-view': sql`MATERIALIZED VIEW`,
  'foreign-table': sql`FOREIGN TABLE`,
  sequence: sql`SEQUENCE`,
  function: sql`FUNCTION`,
  procedure: sql`PROCEDURE`,
  aggregate: sql`AGGREGATE`,
  type: sql`TYPE`,
};

/**
 * Drops those objects, never with CASCADE. `pg_restore --clean` would do it, but in the order of the backup and by the names of the
 * backup's columns: it stumbles over a column that a migration renamed, and over a foreign key that came later between two of
 * these very tables. Tables go at once, the others as soon as nothing depends on them any more; where they wait for each other, a view
 * among them becomes a placeholder that depends on nothing. What is still refused then is left to `--clean`, whose error ends the
 * transaction: a placeholder is never committed.
 */
export function dropStatements(doomed: readonly ObjectFacts[]): Sql[] {
  const tables = doomed.filter(({ kind }) => kind === 'table').map(({ identity }) => printed(identity));
  const views = doomed.filter(({ kind }) => kind === 'view').map(({ identity }) => identity);
  const drops = doomed.flatMap((object) => toDrop(object));
  if (tables.length > 0) drops.push(sql`DROP TABLE IF EXISTS ${joined(tables)}`);
  return drops.length === 0 ? [] : [toLoop(drops, views)];
}

function toDrop({ kind, identity }: ObjectFacts): Sql[] {
  const what = DROPS[kind];
  if (what === undefined) return [];
  return [sql`DROP ${what} IF EXISTS ${printed(kind === 'aggregate' ? identity.replace(/\(\)$/, '(*)') : identity)}`];
}

const toLoop = (drops: readonly Sql[], views: readonly string[]): Sql =>
  sql`DO ${body(sql`
  DECLARE
    waiting text[] := ${textArray(drops.map(({ text }) => text))};
    refused text[];
    statement text;
    has_placeholders boolean := false;
  BEGIN
    LOOP
      refused := '{}';
      FOREACH statement IN ARRAY waiting LOOP
        BEGIN
          EXECUTE statement;
        EXCEPTION WHEN dependent_objects_still_exist THEN
          refused := refused || statement;
        END;
      END LOOP;
      EXIT WHEN cardinality(refused) = 0;
      IF cardinality(refused) = cardinality(waiting) THEN
        EXIT WHEN has_placeholders;
        FOR statement IN ${placeholders(views)} LOOP
          EXECUTE statement;
        END LOOP;
        has_placeholders := true;
      END IF;
      waiting := refused;
    END LOOP;
  END`)}`;

/** Views may be replaced only by views with the same columns: name, type, modifier and collation. */
const placeholders = (views: readonly string[]): Sql => sql`
          SELECT format('CREATE OR REPLACE VIEW %s AS SELECT %s', c.oid::regclass, string_agg(format('NULL::%s%s AS %I',
            format_type(a.atttypid, a.atttypmod), ' COLLATE ' || nullif(a.attcollation, 0)::regcollation, a.attname), ', ' ORDER BY a.attnum))
          FROM unnest(${textArray(views)}) AS view
          JOIN pg_class c ON c.oid = to_regclass(view) AND c.relkind = 'v'
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          GROUP BY c.oid`;

/** Waits for every session that uses one of the tables, before anything is dropped. */
export function lockStatements(doomed: readonly ObjectFacts[]): Sql[] {
  const tables = doomed.filter(({ kind }) => kind === 'table').map(({ identity }) => sql`ONLY ${printed(identity)}`);
  return tables.length === 0 ? [] : [sql`LOCK TABLE ${joined(tables)} IN ACCESS EXCLUSIVE MODE`];
}
