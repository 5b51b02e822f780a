import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { RestoreBlocker } from './plan.js';

/** What lives and dies with the restored objects, and what PostgreSQL would refuse to drop them for. */
export interface Dependents {
  /** Identities of what goes away with a restored object: later partitions, owned sequences, indexes. */
  readonly dropped: ReadonlySet<string>;
  readonly blockers: readonly RestoreBlocker[];
}

/** Everything that goes away with the roots: dependencies of type auto, internal and partition. */
const DOOMED = `doomed (classid, objid) AS (
    SELECT r.classid, r.objid
    FROM unnest($1::regclass[]::oid[], $2::oid[]) AS r (classid, objid)
    UNION
    SELECT d.classid, d.objid
    FROM pg_depend d
    JOIN doomed x ON d.refclassid = x.classid AND d.refobjid = x.objid
    WHERE d.deptype IN ('a', 'i', 'P', 'S')
  )`;

/**
 * Every dependency of type normal from outside. A dependent is named by the object that a person knows: a rule stands for its view, a constraint, default, trigger
 * or policy for its table. Other kinds (operators, casts) are not looked at: the facts do not list them, so nobody can tell here whether
 * the backup drops them too. The restore's own transaction has the last word.
 */
const BLOCKERS = `
  WITH RECURSIVE ${DOOMED},
  edge AS (
    SELECT d.classid, d.objid, d.refclassid, d.refobjid
    FROM pg_depend d
    JOIN doomed x ON d.refclassid = x.classid AND d.refobjid = x.objid
    WHERE d.deptype = 'n'
      AND NOT EXISTS (SELECT FROM doomed y WHERE y.classid = d.classid AND y.objid = d.objid)
  ),
  whole AS (
    SELECT
      CASE WHEN p.relation IS NULL THEN e.refclassid ELSE 'pg_class'::regclass END AS refclassid,
      coalesce(p.relation, e.refobjid) AS refobjid,
      CASE WHEN o.relation IS NULL THEN e.classid ELSE 'pg_class'::regclass END AS classid,
      coalesce(o.relation, e.objid) AS objid
    FROM edge e
    CROSS JOIN LATERAL (
      SELECT CASE e.classid
        WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite WHERE oid = e.objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT nullif(conrelid, 0) FROM pg_constraint WHERE oid = e.objid)
        WHEN 'pg_attrdef'::regclass THEN (SELECT adrelid FROM pg_attrdef WHERE oid = e.objid)
        WHEN 'pg_trigger'::regclass THEN (SELECT tgrelid FROM pg_trigger WHERE oid = e.objid)
        WHEN 'pg_policy'::regclass THEN (SELECT polrelid FROM pg_policy WHERE oid = e.objid)
        WHEN 'pg_class'::regclass THEN coalesce(
          (SELECT indrelid FROM pg_index WHERE indexrelid = e.objid), e.objid)
      END AS relation
    ) o
    CROSS JOIN LATERAL (
      SELECT CASE e.refclassid
        WHEN 'pg_constraint'::regclass THEN (SELECT nullif(conrelid, 0) FROM pg_constraint WHERE oid = e.refobjid)
        WHEN 'pg_type'::regclass THEN (SELECT nullif(typrelid, 0) FROM pg_type WHERE oid = e.refobjid)
        WHEN 'pg_class'::regclass THEN (SELECT indrelid FROM pg_index WHERE indexrelid = e.refobjid)
      END AS relation
    ) p
  ),
  named AS (
    SELECT
      a.identity AS object,
      CASE w.classid WHEN 'pg_event_trigger'::regclass THEN 'event trigger ' ELSE '' END || b.identity AS dependent,
      EXISTS (SELECT FROM doomed y WHERE y.classid = w.classid AND y.objid = w.objid) AS "isDoomed"
    FROM whole w
    CROSS JOIN LATERAL pg_identify_object(w.refclassid, w.refobjid, 0) a
    CROSS JOIN LATERAL pg_identify_object(w.classid, w.objid, 0) b
    WHERE w.classid IN (
      'pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_constraint'::regclass, 'pg_extension'::regclass,
      'pg_event_trigger'::regclass)
  )
  SELECT DISTINCT object, dependent FROM named WHERE NOT "isDoomed" ORDER BY object, dependent`;

/** Objects with an oid of their own, as the facts name them. */
const OBJECTS = `
  SELECT 'pg_class' AS catalog, c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS identity
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I')
  UNION ALL
  SELECT 'pg_proc', p.oid,
    quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')'
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 'pg_type', t.oid, quote_ident(n.nspname) || '.' || quote_ident(t.typname)
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typrelid = 0 OR c.relkind = 'c'`;

const CATALOGS: Readonly<Partial<Record<ObjectFacts['kind'], string>>> = {
  table: 'pg_class',
  view: 'pg_class',
  'materialized-view': 'pg_class',
  sequence: 'pg_class',
  'foreign-table': 'pg_class',
  function: 'pg_proc',
  procedure: 'pg_proc',
  aggregate: 'pg_proc',
  type: 'pg_type',
};

interface NamedObject {
  readonly catalog: string;
  readonly oid: string;
  readonly identity: string;
}

/** The dependents of objects that are about to be dropped. The session's settings must be pinned. */
export async function findDependents(session: PgSession, doomed: readonly ObjectFacts[]): Promise<Dependents> {
  const objects = await session.query<NamedObject>(OBJECTS);
  const wanted = new Set(doomed.map(({ kind, identity }) => `${CATALOGS[kind] ?? ''} ${identity}`));
  const roots = objects.filter(({ catalog, identity }) => wanted.has(`${catalog} ${identity}`));
  const parameters = [roots.map(({ catalog }) => `pg_catalog.${catalog}`), roots.map(({ oid }) => oid)];
  return {
    dropped: await findDropped(session, parameters, roots),
    blockers: await session.query<RestoreBlocker>(BLOCKERS, parameters),
  };
}

async function findDropped(session: PgSession, parameters: unknown[], roots: readonly NamedObject[]) {
  const rows = await session.query<{ identity: string }>(
    `WITH RECURSIVE ${DOOMED},
     object AS (${OBJECTS})
     SELECT o.identity FROM object o JOIN doomed x ON x.classid = ('pg_catalog.' || o.catalog)::regclass AND x.objid = o.oid`,
    parameters,
  );
  const own = new Set(roots.map(({ identity }) => identity));
  return new Set(rows.map(({ identity }) => identity).filter((identity) => !own.has(identity)));
}
