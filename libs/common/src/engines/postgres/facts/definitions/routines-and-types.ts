import { isExtensionMember, USER_SCHEMA } from '#common/engines/postgres/facts/sql.js';

const ROUTINE = `quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')'`;
const TYPE = `quote_ident(n.nspname) || '.' || quote_ident(t.typname)`;

/** What a catalog column refers to by number, as text; 0 is nothing. */
export const toName = (column: string, alias: string): string =>
  `CASE WHEN ${column}::oid <> 0 THEN ${column}::oid::${alias}::text END`;

/** A range type brings its own constructors along. */
const ROUTINES = `
  SELECT
    CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind, ${ROUTINE} AS identity,
    NULL::text AS "of",
    jsonb_build_object('definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END) AS "is",
    NULL::jsonb AS columns
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind <> 'a' AND ${USER_SCHEMA}
    AND NOT ${isExtensionMember('pg_proc', 'p.oid')}
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i'
    )`;

const AGGREGATES = `
  SELECT 'aggregate', ${ROUTINE}, NULL,
    jsonb_build_object(
      'result', pg_get_function_result(p.oid), 'parallel safety', nullif(p.proparallel, 'u')::text,
      'kind', nullif(g.aggkind, 'n')::text,
      'transition', ${toName('g.aggtransfn', 'regprocedure')}, 'final function', ${toName('g.aggfinalfn', 'regprocedure')},
      'combination', ${toName('g.aggcombinefn', 'regprocedure')}, 'serialization', ${toName('g.aggserialfn', 'regprocedure')},
      'deserialization', ${toName('g.aggdeserialfn', 'regprocedure')},
      'moving transition', ${toName('g.aggmtransfn', 'regprocedure')}, 'moving inverse', ${toName('g.aggminvtransfn', 'regprocedure')},
      'moving final function', ${toName('g.aggmfinalfn', 'regprocedure')},
      'final modes', g.aggfinalmodify::text || g.aggmfinalmodify::text
        || CASE WHEN g.aggfinalextra THEN ' extra' ELSE '' END || CASE WHEN g.aggmfinalextra THEN ' moving extra' ELSE '' END,
      'sort operator', ${toName('g.aggsortop', 'regoperator')},
      'state type', format_type(g.aggtranstype, NULL), 'moving state type', CASE WHEN g.aggmtranstype <> 0 THEN format_type(g.aggmtranstype, NULL) END,
      'state size', nullif(g.aggtransspace, 0)::text, 'initial state', g.agginitval, 'moving initial state', g.aggminitval
    ), NULL
  FROM pg_aggregate g
  JOIN pg_proc p ON p.oid = g.aggfnoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE ${USER_SCHEMA} AND NOT ${isExtensionMember('pg_proc', 'p.oid')}`;

/** Composite types are relations. Those that come with a table, an array or a range are no objects of their own. */
const TYPES = `
  SELECT 'type', ${TYPE}, NULL,
    CASE t.typtype
      WHEN 'e' THEN jsonb_build_object('labels', (
        SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid
      ))
      WHEN 'd' THEN jsonb_build_object(
        'base type', format_type(t.typbasetype, t.typtypmod), 'NOT NULL', CASE WHEN t.typnotnull THEN 'yes' END,
        'default', coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault),
        'collation', (SELECT t.typcollation::regcollation::text FROM pg_type b WHERE b.oid = t.typbasetype AND b.typcollation <> t.typcollation)
      )
      WHEN 'r' THEN (
        SELECT jsonb_build_object(
          'subtype', format_type(r.rngsubtype, NULL), 'collation', ${toName('r.rngcollation', 'regcollation')},
          'operator class', (SELECT m.identity FROM pg_identify_object('pg_opclass'::regclass, r.rngsubopc, 0) m),
          'canonical function', ${toName('r.rngcanonical', 'regprocedure')}, 'difference function', ${toName('r.rngsubdiff', 'regprocedure')},
          'multirange type', ${toName('r.rngmultitypid', 'regtype')}
        ) FROM pg_range r WHERE r.rngtypid = t.oid
      )
      ELSE jsonb_build_object(
        'input', ${toName('t.typinput', 'regprocedure')}, 'output', ${toName('t.typoutput', 'regprocedure')},
        'receive', ${toName('t.typreceive', 'regprocedure')}, 'send', ${toName('t.typsend', 'regprocedure')},
        'modifier input', ${toName('t.typmodin', 'regprocedure')}, 'modifier output', ${toName('t.typmodout', 'regprocedure')},
        'analysis', ${toName('t.typanalyze', 'regprocedure')},
        'layout', concat_ws(' ', t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim),
        'element', CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END,
        'default', t.typdefault, 'collation', ${toName('t.typcollation', 'regcollation')}
      )
    END, NULL
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype IN ('b', 'd', 'e', 'r') AND t.typrelid = 0 AND t.typisdefined AND ${USER_SCHEMA}
    AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
    AND NOT ${isExtensionMember('pg_type', 't.oid')}`;

const SCHEMAS = `
  SELECT 'schema', quote_ident(n.nspname), NULL, '{}'::jsonb, NULL
  FROM pg_namespace n
  WHERE ${USER_SCHEMA} AND NOT ${isExtensionMember('pg_namespace', 'n.oid')}`;

export const OF_ROUTINES_AND_TYPES: readonly string[] = [ROUTINES, AGGREGATES, TYPES, SCHEMAS];
