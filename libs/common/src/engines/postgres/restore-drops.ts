import type { ObjectFacts } from '../../contracts/snapshot-facts.js';
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
 * these very tables. Tables go at once, the others as soon as nothing depends on them any more; what is still refused then is left to
 * `--clean`, whose error ends the transaction.
 */
export function dropStatements(doomed: readonly ObjectFacts[]): string[] {
  const tables = doomed.filter(({ kind }) => kind === 'table').map(({ identity }) => identity);
  const drops = doomed.flatMap((object) => toDrop(object));
  if (tables.length > 0) drops.push(`DROP TABLE IF EXISTS ${tables.join(', ')}`);
  return drops.length === 0 ? [] : [toLoop(drops)];
}

function toDrop({ kind, identity }: ObjectFacts): string[] {
  const what = DROPS[kind];
  if (what === undefined) return [];
  return [`DROP ${what} IF EXISTS ${kind === 'aggregate' ? identity.replace(/\(\)$/, '(*)') : identity}`];
}

const toLoop = (drops: readonly string[]): string => `DO $drops$
  DECLARE
    waiting text[] := ARRAY[${drops.map(quoteLiteral).join(',\n      ')}];
    refused text[];
    statement text;
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
      EXIT WHEN cardinality(refused) = 0 OR cardinality(refused) = cardinality(waiting);
      waiting := refused;
    END LOOP;
  END $drops$`;

/** Waits for every session that uses one of the tables, before anything is dropped. */
export function lockStatements(doomed: readonly ObjectFacts[]): string[] {
  const tables = doomed.filter(({ kind }) => kind === 'table').map(({ identity }) => `ONLY ${identity}`);
  return tables.length === 0 ? [] : [`LOCK TABLE ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`];
}
