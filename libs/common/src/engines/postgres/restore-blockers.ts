import type { PgSession } from './pg-session.js';
import type { RestoreBlocker } from './restore-plan.js';

/**
 * Who depends on what, one level, named by the object that a person knows: a rule stands for its view, a constraint, default,
 * trigger or policy for its table. Internal and owned dependencies (deptype i, a, e, P, S) go away with the object and block nothing,
 * save foreign keys, which are recorded as normal ones.
 */
const DEPENDENCIES = `
  WITH edge AS (
    SELECT d.refclassid, d.refobjid,
           CASE
             WHEN d.classid = 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite WHERE oid = d.objid)
             WHEN d.classid = 'pg_constraint'::regclass THEN (SELECT nullif(conrelid, 0) FROM pg_constraint WHERE oid = d.objid)
             WHEN d.classid = 'pg_attrdef'::regclass THEN (SELECT adrelid FROM pg_attrdef WHERE oid = d.objid)
             WHEN d.classid = 'pg_trigger'::regclass THEN (SELECT tgrelid FROM pg_trigger WHERE oid = d.objid)
             WHEN d.classid = 'pg_policy'::regclass THEN (SELECT polrelid FROM pg_policy WHERE oid = d.objid)
             WHEN d.classid = 'pg_class'::regclass THEN d.objid
           END AS dependent_relation,
           CASE WHEN d.classid = 'pg_proc'::regclass THEN d.objid END AS dependent_function
    FROM pg_depend d
    WHERE d.deptype = 'n' AND d.refobjid >= 16384 AND d.objid >= 16384
  ),
  named AS (
    SELECT CASE e.refclassid
             WHEN 'pg_class'::regclass THEN
               (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.oid = e.refobjid)
             WHEN 'pg_type'::regclass THEN
               (SELECT format('%I.%I', n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                WHERE t.oid = e.refobjid)
             WHEN 'pg_proc'::regclass THEN e.refobjid::regprocedure::text
             WHEN 'pg_constraint'::regclass THEN
               (SELECT format('%I.%I', n.nspname, c.relname)
                FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE k.oid = e.refobjid)
             WHEN 'pg_namespace'::regclass THEN (SELECT format('%I', nspname) FROM pg_namespace WHERE oid = e.refobjid)
           END AS object,
           coalesce(
             (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.oid = e.dependent_relation AND c.relkind <> 'i'),
             e.dependent_function::regprocedure::text
           ) AS dependent,
           e.refclassid = 'pg_namespace'::regclass AS is_schema
    FROM edge e
  )
  SELECT DISTINCT object, dependent, is_schema AS "isSchema"
  FROM named
  WHERE object IS NOT NULL AND dependent IS NOT NULL AND object <> dependent
  ORDER BY object, dependent`;

interface Dependency extends RestoreBlocker {
  readonly isSchema: boolean;
}

/**
 * Dependents that the backup does not drop itself. `identities` are those of the backup's objects; schemas block only when the
 * backup drops them, so those it does not are passed in `keptSchemas`.
 */
export async function findBlockers(
  session: PgSession,
  identities: ReadonlySet<string>,
  keptSchemas: ReadonlySet<string>,
): Promise<RestoreBlocker[]> {
  const dependencies = await session.query<Dependency>(DEPENDENCIES);
  return dependencies
    .filter(({ object, dependent }) => identities.has(object) && !identities.has(dependent))
    .filter(({ object, isSchema }) => !(isSchema && keptSchemas.has(object)))
    .map(({ object, dependent }) => ({ object, dependent }));
}
