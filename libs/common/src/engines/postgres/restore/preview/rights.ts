import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { toActAs } from '#common/engines/postgres/act-as.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { identifier, sql } from '#common/pg/sql.js';
import { findClosedTablespaces } from '../preparation/tablespaces.js';
import { type MissingRight, toGrantable, toMendable, toSuperuserRight } from './missing-right.js';

interface Rights {
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly canCreateDatabases: boolean;
  readonly canCreateRoles: boolean;
  /** Roles that exist and that the role may not act as. */
  readonly foreign: readonly string[];
}

export interface RightsQuestion {
  readonly facts: SnapshotFacts;
  readonly target: PostgresTarget;
  readonly strategy: string;
  readonly missingRoles: readonly string[];
}

/** Whether what comes back gets a database of its own, whatever its name is in the end. */
export const makesDatabase = (strategy: string): boolean => strategy !== 'in-place';

/** Roles that will own what is restored. */
export const ownersOf = (facts: SnapshotFacts, { privileges, owner }: PostgresTarget): string[] => {
  if (privileges === 'drop') return owner === undefined ? [] : [owner];
  return [...new Set([facts.databaseOwner, ...facts.objects.map((object) => object.owner)])];
};

export const toCreatingDatabases = (role: string): MissingRight =>
  toMendable(`role ${role} may not create databases`, sql`ALTER ROLE ${identifier(role)} CREATEDB`);

/** What the session's role may not do and would have to: better said now than by a statement in the middle. */
export async function findMissingRights(session: PgSession, question: RightsQuestion): Promise<MissingRight[]> {
  const { facts, target, strategy, missingRoles } = question;
  const rights = await readRights(session, ownersOf(facts, target));
  if (rights.isSuperuser) return [];
  const { role } = rights;
  const extensions = makesDatabase(strategy) ? await findForbiddenExtensions(session, facts) : [];
  return [
    ...(makesDatabase(strategy) && !rights.canCreateDatabases ? [toCreatingDatabases(role)] : []),
    ...(missingRoles.length > 0 && target.missingRoles === 'create' && !rights.canCreateRoles
      ? [
          toMendable(
            `role ${role} may not create the roles ${missingRoles.join(', ')}`,
            sql`ALTER ROLE ${identifier(role)} CREATEROLE`,
          ),
        ]
      : []),
    ...(target.privileges === 'keep' && !rights.canCreateRoles && hasRoleSettings(facts)
      ? [toSuperuserRight(`role ${role} may not set parameters for other roles`)]
      : []),
    ...(await findClosedTablespaces(session, facts)).map((tablespace) =>
      toMendable(
        `role ${role} may not create anything in tablespace ${tablespace}`,
        sql`GRANT CREATE ON TABLESPACE ${identifier(tablespace)} TO ${identifier(role)}`,
      ),
    ),
    ...(extensions.length > 0
      ? [toSuperuserRight(`role ${role} may not create the extensions ${extensions.join(', ')}`)]
      : []),
    ...(target.privileges === 'keep' ? toForeignGrants(role, facts) : []),
    ...rights.foreign.map((owner) =>
      toGrantable(`role ${role} may not give anything to ${owner}: it is not a member of that role`),
    ),
  ];
}

function readRights(session: PgSession, owners: readonly string[]): Promise<Rights> {
  // Without USAGE what was given away cannot be changed any more.
  return session.queryOne<Rights>(
    sql`SELECT
       r.rolname::text AS role,
       r.rolsuper AS "isSuperuser",
       r.rolcreatedb AS "canCreateDatabases",
       r.rolcreaterole AS "canCreateRoles",
       ARRAY(
         SELECT o.rolname::text FROM pg_roles o
         WHERE o.rolname = ANY ($1::text[]) AND o.rolname !~ '^pg_'
           AND NOT (pg_has_role(o.oid, ${toActAs(session)}) AND pg_has_role(o.oid, 'USAGE'))
         ORDER BY 1
       ) AS foreign
     FROM pg_roles r
     WHERE r.rolname = current_user`,
    [owners],
  );
}

/** pg_restore grants what a role granted that is not the owner in the name of that role, which is a superuser's right. */
function toForeignGrants(role: string, { objects }: SnapshotFacts): MissingRight[] {
  const granted = objects
    .filter(({ kind }) => kind !== 'default-privileges')
    .flatMap(({ identity, owner, privileges }) =>
      privileges.flatMap((privilege) => {
        const grantor = privilege.slice(privilege.lastIndexOf('/') + 1);
        return grantor === owner || grantor === role ? [] : [{ grantor, identity }];
      }),
    );
  return [...Map.groupBy(granted, ({ grantor }) => grantor)].map(([grantor, [first]]) =>
    toSuperuserRight(
      `role ${role} may not grant in the name of ${grantor}, as on ${first?.identity ?? ''}: it is no superuser`,
    ),
  );
}

const hasRoleSettings = ({ settings }: SnapshotFacts): boolean =>
  settings.some(({ database, role }) => database !== null && role !== null);

/** Those that only a superuser may create. */
async function findForbiddenExtensions(session: PgSession, { extensions }: SnapshotFacts): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT v.name::text AS name
     FROM pg_available_extensions a
     JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
     WHERE a.name = ANY ($1::text[]) AND a.name <> 'plpgsql' AND v.superuser AND NOT v.trusted
     ORDER BY 1`,
    [extensions.map(({ name }) => name)],
  );
  return rows.map(({ name }) => name);
}
