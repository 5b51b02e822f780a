import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { toShortList } from '#common/errors/printable.js';
import { isExtensionMember, USER_SCHEMA } from './sql.js';
import { findQualifiedCalls, findUnqualified, type KnownNames } from './unqualified-names.js';

const RELATION = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;

/** What PostgreSQL evaluates while it loads rows or builds indexes and views: it calls functions then. */
const EVALUATED = `
  SELECT 'constraint ' || quote_ident(k.conname) || ' on ' || ${RELATION} AS label, 'pg_constraint'::regclass::oid AS classid, k.oid AS objid
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'c' AND ${USER_SCHEMA}
  UNION ALL
  SELECT 'constraint ' || quote_ident(k.conname) || ' of domain ' || quote_ident(n.nspname) || '.' || quote_ident(t.typname),
    'pg_constraint'::regclass, k.oid
  FROM pg_constraint k
  JOIN pg_type t ON t.oid = k.contypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE k.contype = 'c' AND ${USER_SCHEMA}
  UNION ALL
  SELECT 'generated column ' || quote_ident(a.attname) || ' of ' || ${RELATION}, 'pg_attrdef'::regclass, d.oid
  FROM pg_attrdef d
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
  JOIN pg_class c ON c.oid = d.adrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${USER_SCHEMA}
  UNION ALL
  SELECT CASE c.relkind WHEN 'm' THEN 'materialized view ' ELSE 'index ' END || ${RELATION}, 'pg_class'::regclass, c.oid
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('i', 'm') AND ${USER_SCHEMA}`;

/**
 * Functions that stand behind them, by way of operators, views and other functions. Those with a body that was parsed when they were made
 * know what they mean; those with a search_path of their own bring it along.
 */
const USED = `
  WITH RECURSIVE reached (label, classid, objid) AS (
    SELECT e.label, e.classid, e.objid FROM (${EVALUATED}) AS e
    UNION
    SELECT r.label, s.classid, s.objid
    FROM reached r
    CROSS JOIN LATERAL (
      SELECT d.refclassid AS classid, d.refobjid AS objid
      FROM pg_depend d
      WHERE d.classid = r.classid AND d.objid = r.objid
        AND (d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) OR (
          d.refclassid = 'pg_class'::regclass AND r.classid = 'pg_rewrite'::regclass
          AND (SELECT v.relkind FROM pg_class v WHERE v.oid = d.refobjid) = 'v'
        ))
      UNION ALL
      SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite w WHERE r.classid = 'pg_class'::regclass AND w.ev_class = r.objid
    ) AS s
  )
  SELECT DISTINCT label, objid::text AS oid FROM reached WHERE classid = 'pg_proc'::regclass`;

const FUNCTIONS = `
  SELECT p.oid::text AS oid, n.nspname || '.' || p.proname AS name, quote_ident(n.nspname) AS schema,
    quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS identity,
    p.prosrc AS code
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
  WHERE ${USER_SCHEMA} AND l.lanname IN ('sql', 'plpgsql') AND to_jsonb(p) ->> 'prosqlbody' IS NULL
    AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%')
    AND NOT ${isExtensionMember('pg_proc', 'p.oid')}
  ORDER BY 4`;

const NAMES = `
  SELECT
    ARRAY(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${USER_SCHEMA}) AS relations,
    ARRAY(SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${USER_SCHEMA}
        AND NOT EXISTS (SELECT FROM pg_proc own WHERE own.proname = p.proname AND own.pronamespace = 'pg_catalog'::regnamespace)
      ) AS functions,
    ARRAY(SELECT t.typname::text FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE ${USER_SCHEMA}) AS types`;

interface FunctionRow {
  readonly oid: string;
  readonly name: string;
  readonly schema: string;
  readonly identity: string;
  readonly code: string;
}

/**
 * What may make a restore of this database fail, each a sentence with its mend: a function that a constraint, generated column, index or
 * materialised view calls, and that finds what it names only by the search_path of its caller. A restore has none.
 */
export async function readRestoreWarnings(session: PgSession): Promise<string[]> {
  const used = Map.groupBy(await session.query<{ oid: string; label: string }>(USED), ({ oid }) => oid);
  if (used.size === 0) return [];
  const functions = await session.query<FunctionRow>(FUNCTIONS);
  const names = await session.queryOne<Record<keyof KnownNames, string[]>>(NAMES);
  const known: KnownNames = {
    relations: new Set(names.relations),
    functions: new Set(names.functions),
    types: new Set(names.types),
  };
  return functions.flatMap((routine) => {
    const labels = (used.get(routine.oid) ?? []).map(({ label }) => label).sort();
    return labels.length === 0 ? [] : toWarnings(routine, labels, { functions, known });
  });
}

interface Surroundings {
  readonly functions: readonly FunctionRow[];
  readonly known: KnownNames;
}

/** Of the function itself, and of those that it calls by their whole names: they see the search_path that it sees. */
function toWarnings(routine: FunctionRow, labels: readonly string[], { functions, known }: Surroundings): string[] {
  const reached = new Set([routine]);
  for (const each of reached) {
    const calls = new Set(findQualifiedCalls(each.code));
    for (const called of functions) if (calls.has(called.name)) reached.add(called);
  }
  return [...reached].flatMap((each) => {
    const unqualified = findUnqualified(each.code, known);
    return unqualified.length === 0 ? [] : [toWarning(each, labels, unqualified)];
  });
}

const SHOWN = 3;

function toWarning({ identity, schema }: FunctionRow, labels: readonly string[], names: readonly string[]): string {
  const mend = `ALTER FUNCTION ${identity} SET search_path = ${schema}`;
  return `function ${identity} names ${toShortList(names, { limit: SHOWN })} without a schema and has no search_path, and ${toShortList(labels, { limit: SHOWN })} calls it: a restore may refuse rows; run \`${mend}\``;
}
