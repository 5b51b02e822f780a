import { USER_SCHEMA } from '#common/engines/postgres/facts/sql.js';

/** What gives another value each time, as PostgreSQL prints it and as people write it. */
const CLOCK = `'\\m(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid|uuidv[47])\\s*\\(|\\m(current_(date|time|timestamp)|localtime|localtimestamp)\\M'`;

/** A name as a pattern that only it matches. */
const calls = (code: string, name: string): string =>
  `${code} ~* ('\\m' || regexp_replace(${name}, '(\\W)', '\\\\\\1', 'g') || '"?\\s*\\(')`;

/**
 * The head of a query: `timed (oid)` are the tables and views whose rows change by themselves, because a policy for reading, a view, an
 * operator or a function behind them asks for the time. PostgreSQL knows what policies, views and parsed bodies use; what other bodies call
 * is found by name. Bodies in C, and statements that a function puts together, are not seen.
 */
export const WITH_TIMED = `
  WITH RECURSIVE routine AS MATERIALIZED (
    SELECT p.oid, p.proname::text AS name,
      CASE WHEN to_jsonb(p) ->> 'prosqlbody' IS NULL THEN p.prosrc ELSE pg_get_functiondef(p.oid) END AS code
    FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_language l ON l.oid = p.prolang
    WHERE ${USER_SCHEMA} AND p.prokind IN ('f', 'p') AND l.lanname NOT IN ('c', 'internal')
  ), timed_routine (oid, name) AS (
    SELECT oid, name FROM routine WHERE code ~* ${CLOCK}
    UNION
    SELECT r.oid, r.name FROM timed_routine t JOIN routine r ON ${calls('r.code', 't.name')}
  ), asking (classid, objid) AS MATERIALIZED (
    SELECT 'pg_proc'::regclass::oid, oid FROM timed_routine
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p WHERE pg_get_expr(p.polqual, p.polrelid) ~* ${CLOCK}
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid
    FROM pg_rewrite w
    JOIN pg_class c ON c.oid = w.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE w.ev_type = '1' AND ${USER_SCHEMA} AND pg_get_viewdef(c.oid) ~* ${CLOCK}
  ), behind (root, classid, objid) AS (
    SELECT c.oid, 'pg_class'::regclass::oid, c.oid
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND ${USER_SCHEMA}
    UNION
    SELECT b.root, s.classid, s.objid
    FROM behind b
    CROSS JOIN LATERAL (
      SELECT w.tableoid AS classid, w.oid AS objid FROM pg_rewrite w
      WHERE b.classid = 'pg_class'::regclass AND w.ev_class = b.objid AND w.ev_type = '1'
      UNION ALL
      SELECT p.tableoid, p.oid FROM pg_policy p
      WHERE b.classid = 'pg_class'::regclass AND p.polrelid = b.objid AND p.polcmd IN ('r', '*')
      UNION ALL
      SELECT d.refclassid, d.refobjid FROM pg_depend d
      WHERE b.classid <> 'pg_class'::regclass AND d.classid = b.classid AND d.objid = b.objid
        AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass)
    ) AS s
  ), timed (oid) AS (
    SELECT DISTINCT b.root FROM behind b JOIN asking a ON a.classid = b.classid AND a.objid = b.objid
  )`;
