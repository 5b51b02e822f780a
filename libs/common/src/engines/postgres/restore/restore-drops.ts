import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import { quoteLiteral } from './restore-sql.js';

const DROPS: Readonly<Partial<Record<ObjectFacts['kind'], string>>> = {
  view: 'VIEW',
  'materialized-view': 'MATERIALIZED VIEW',
  'foreign-table': 'FOREIGN TABLE',
  sequence: 'SEQUENCE',
  function: 'FUNCTION',
  procedure: 'PROCEDURE',
  aggregate: 'AGGREGATE',
  type: 'TYPE',
};

/**
 * Drops those objects, never with CASCADE. `pg_restore --clean` would do it, but in the order of the backup and by the names of the
 * backup's columns: it stumbles over a column that a migration renamed, and over a foreign key that came later between two of
 * these very tables. Tables go at once, the others as soon as nothing depends on them any more; where they wait for each other, a view
 * among them becomes a placeholder that depends on nothing. What is still refused then is left to `--clean`, whose error ends the
 * transaction: a placeholder is never committed.
 */
export function dropStatements(doomed: readonly ObjectFacts[]): string[] {
  const tables = doomed.filter(({ kind }) => kind === 'table').map(({ identity }) => identity);
  const views = doomed.filter(({ kind }) => kind === 'view').map(({ identity }) => identity);
  const drops = doomed.flatMap((object) => toDrop(object));
  if (tables.length > 0) drops.push(`DROP TABLE IF EXISTS ${tables.join(', ')}`);
  return drops.length === 0 ? [] : [toLoop(drops, views)];
}

function toDrop({ kind, identity }: ObjectFacts): string[] {
  const what = DROPS[kind];
  if (what === undefined) return [];
  return [`DROP ${what} IF EXISTS ${kind === 'aggregate' ? identity.replace(/\(\)$/, '(*)') : identity}`];
}

const toLoop = (drops: readonly string[], views: readonly string[]): string => `DO $drops$
  DECLARE
    waiting text[] := ${toTextArray(drops)};
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
  END $drops$`;

/** Views may be replaced only by views with the same columns: name, type, modifier and collation. */
const placeholders = (views: readonly string[]): string => `
          SELECT format('CREATE OR REPLACE VIEW %s AS SELECT %s', c.oid::regclass, string_agg(format('NULL::%s%s AS %I',
            format_type(a.atttypid, a.atttypmod), ' COLLATE ' || nullif(a.attcollation, 0)::regcollation, a.attname), ', ' ORDER BY a.attnum))
          FROM unnest(${toTextArray(views)}) AS view
          JOIN pg_class c ON c.oid = to_regclass(view) AND c.relkind = 'v'
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          GROUP BY c.oid`;

const toTextArray = (texts: readonly string[]): string => `ARRAY[${texts.map(quoteLiteral).join(',\n      ')}]::text[]`;

/** Waits for every session that uses one of the tables, before anything is dropped. */
export function lockStatements(doomed: readonly ObjectFacts[]): string[] {
  const tables = doomed.filter(({ kind }) => kind === 'table').map(({ identity }) => `ONLY ${identity}`);
  return tables.length === 0 ? [] : [`LOCK TABLE ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`];
}
