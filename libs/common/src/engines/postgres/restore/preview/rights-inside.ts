import type { ObjectFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { toShortList } from '#common/errors/printable.js';
import { unquoteIdentifier } from '#common/pg/sql.js';
import { extensionSchemas } from '../preparation/extensions.js';
import { settingStatements } from '../preparation/settings.js';
import { type MissingRight, toGrantable } from './missing-right.js';

export interface InsideQuestion {
  readonly facts: SnapshotFacts;
  readonly target: PostgresTarget;
  /** Objects of the database that the restore drops. */
  readonly doomed: readonly ObjectFacts[];
  readonly present: readonly ObjectFacts[];
}

interface RoleInside {
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly databaseOwner: string;
  readonly ownsDatabase: boolean;
  readonly canCreateTemporary: boolean;
  readonly canCreateSchemas: boolean;
  /** Of the owners that were asked for: those as whom the role may not act. */
  readonly foreign: readonly string[];
  /** Of the schemas that were asked for: those in which the role may create nothing. */
  readonly closed: readonly string[];
}

/**
 * What the session's role may not do in the database, and would have to, to restore in place: drop what others own, change the database,
 * create what the backup brings. PostgreSQL would say it in the middle, one at a time.
 */
export async function findMissingRightsInside(session: PgSession, question: InsideQuestion): Promise<MissingRight[]> {
  const { facts, target, doomed, present } = question;
  const schemas = present.filter(({ kind }) => kind === 'schema');
  const wanted = new Set(namesOfSchemas(facts.objects));
  const used = namesOfSchemas(schemas).filter((name) => wanted.has(name));
  const inside = await readRole(session, { owners: ownersOf([...doomed, ...schemas]), schemas: used, target });
  if (inside.isSuperuser) return [];
  const { role } = inside;
  const { database } = session.connection;
  const foreign = new Set(inside.foreign);
  const changesDatabase =
    target.privileges === 'keep' || settingStatements(facts, database, target.privileges).length > 0;
  const needsSchemas = extensionSchemas(facts).length > 0 || wanted.size > used.length;
  const missing = [
    ...(inside.canCreateTemporary ? [] : [`role ${role} may not create temporary tables in database "${database}"`]),
    ...(changesDatabase && !inside.ownsDatabase
      ? [`role ${role} may not change database "${database}", which belongs to ${inside.databaseOwner}`]
      : []),
    ...(needsSchemas && !inside.canCreateSchemas
      ? [`role ${role} may not create schemas in database "${database}"`]
      : []),
    ...inside.closed.map((schema) => `role ${role} may not create anything in schema "${schema}"`),
    ...schemas
      .filter((schema) => foreign.has(schema.owner) && isChanged(schema, wanted, target))
      .map(({ identity, owner }) => `role ${role} may not change schema ${identity}, which belongs to ${owner}`),
    ...toForeignRights(role, findForeign(doomed, schemas, foreign)),
  ];
  return missing.map(toGrantable);
}

/** Owners and privileges of schemas that are there before the archive are made those of the backup, or of the target. */
function isChanged(schema: ObjectFacts, wanted: ReadonlySet<string>, { privileges, owner }: PostgresTarget): boolean {
  if (!wanted.has(unquoteIdentifier(schema.identity))) return false;
  if (privileges === 'keep') return true;
  return owner !== undefined && schema.identity !== 'public' && schema.owner !== owner;
}

/** Who owns the schema may drop what is in it. */
function findForeign(
  doomed: readonly ObjectFacts[],
  schemas: readonly ObjectFacts[],
  foreign: ReadonlySet<string>,
): ObjectFacts[] {
  const own = schemas.filter(({ owner }) => !foreign.has(owner)).map(({ identity }) => `${identity}.`);
  return doomed.filter(
    ({ owner, identity }) => foreign.has(owner) && !own.some((schema) => identity.startsWith(schema)),
  );
}

function toForeignRights(role: string, objects: readonly ObjectFacts[]): string[] {
  return [...Map.groupBy(objects, ({ owner }) => owner)].map(([owner, own]) => {
    const names = own.map(({ identity }) => identity);
    return `role ${role} may not drop what belongs to ${owner}: ${toShortList(names, { limit: 1 })}`;
  });
}

const ownersOf = (objects: readonly ObjectFacts[]): string[] => [...new Set(objects.map(({ owner }) => owner))];

const namesOfSchemas = (objects: readonly ObjectFacts[]): string[] =>
  objects.filter(({ kind }) => kind === 'schema').map(({ identity }) => unquoteIdentifier(identity));

function readRole(
  session: PgSession,
  { owners, schemas, target }: { owners: readonly string[]; schemas: readonly string[]; target: PostgresTarget },
): Promise<RoleInside> {
  // Under `drop` the archive is restored by the owner that the target names.
  const creator = target.privileges === 'drop' ? (target.owner ?? null) : null;
  return session.queryOne<RoleInside>(
    `WITH creator AS (
       SELECT coalesce((SELECT c.oid FROM pg_roles c WHERE c.rolname = $3), r.oid) AS oid FROM pg_roles r WHERE r.rolname = current_user
     )
     SELECT
       r.rolname::text AS role,
       r.rolsuper AS "isSuperuser",
       pg_get_userbyid(d.datdba)::text AS "databaseOwner",
       pg_has_role(d.datdba, 'USAGE') AS "ownsDatabase",
       has_database_privilege(d.oid, 'TEMPORARY') AS "canCreateTemporary",
       has_database_privilege(d.oid, 'CREATE') AND has_database_privilege(creator.oid, d.oid, 'CREATE') AS "canCreateSchemas",
       ARRAY(
         SELECT o.rolname::text FROM pg_roles o
         WHERE o.rolname = ANY ($1::text[]) AND NOT pg_has_role(o.oid, 'USAGE') ORDER BY 1
       ) AS foreign,
       ARRAY(
         SELECT n.nspname::text FROM pg_namespace n
         WHERE n.nspname = ANY ($2::text[]) AND NOT has_schema_privilege(creator.oid, n.oid, 'CREATE')
           AND NOT pg_has_role(n.nspowner, 'USAGE') ORDER BY 1
       ) AS closed
     FROM pg_database d, pg_roles r, creator
     WHERE d.datname = current_database() AND r.rolname = current_user`,
    [owners, schemas, creator],
  );
}
