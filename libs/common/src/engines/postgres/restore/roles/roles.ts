import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { body, identifier, joined, literal, type Sql, sql } from '#common/pg/sql.js';
import type { MissingMembership } from '../preview/plan.js';
import type { RoleStatements } from './globals.js';

/** Roles that must be there before anything is restored: --no-owner --no-privileges leaves those that policies name. */
export function rolesToBring(facts: SnapshotFacts, { privileges, owner }: PostgresTarget): string[] {
  if (privileges === 'keep') return facts.roles;
  const named = facts.tables.flatMap(({ rls }) => rls.policies.flatMap(({ roles }) => roles));
  return [...new Set([...named, ...(owner === undefined ? [] : [owner])])];
}

/**
 * Memberships of the backup between two roles that the server has, and does not have itself: what was allowed to a member would not be
 * any more. Only where owners and privileges come back; superusers need none.
 */
export async function findMissingMemberships(
  session: PgSession,
  { memberships, roles }: SnapshotFacts,
  { privileges }: PostgresTarget,
): Promise<MissingMembership[]> {
  if (privileges === 'drop') return [];
  const wanted = memberships.filter(({ isWithheld, role }) => !isWithheld && roles.includes(role));
  return session.query<MissingMembership>(
    `SELECT m.rolname::text AS member, g.rolname::text AS role
     FROM unnest($1::text[], $2::text[]) AS wanted (member, role)
     JOIN pg_roles m ON m.rolname = wanted.member AND NOT m.rolsuper
     JOIN pg_roles g ON g.rolname = wanted.role
     WHERE NOT EXISTS (SELECT FROM pg_auth_members a WHERE a.member = m.oid AND a.roleid = g.oid)
     ORDER BY 1, 2`,
    [wanted.map(({ member }) => member), wanted.map(({ role }) => role)],
  );
}

/** Roles among `names` that the server lacks, sorted. */
export async function findMissingRoles(session: PgSession, names: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
     WHERE name <> 'public' AND name !~ '^pg_'
       AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
     ORDER BY name COLLATE "C"`,
    [names],
  );
  return rows.map(({ name }) => name);
}

/**
 * Creates the roles, NOLOGIN, with their memberships, in one transaction. An operator gives them LOGIN and a password. Two restores
 * may need the same roles at once: they take turns. A role that a superuser did not create is granted to its creator, who could not give
 * it anything otherwise.
 */
export async function createRoles(
  session: PgSession,
  roles: readonly RoleStatements[],
  settings: readonly Sql[],
): Promise<void> {
  const names = roles.map(({ name }) => name);
  await session.query('BEGIN');
  try {
    await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('holdfast roles', 0))`);
    const missing = new Set(await findMissingRoles(session, names));
    const created = roles.filter(({ name }) => missing.has(name));
    for (const role of created) for (const statement of toCreation(role)) await session.query(statement);
    for (const role of created) await grantMemberships(session, role);
    for (const statement of settings) await session.query(statement);
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

function toCreation({ name, inherits, connectionLimit, validUntil, comment }: RoleStatements): Sql[] {
  const options = [
    inherits ? sql`INHERIT` : sql`NOINHERIT`,
    ...(connectionLimit === undefined ? [] : [sql`CONNECTION LIMIT ${connectionLimit}`]),
    ...(validUntil === undefined ? [] : [sql`VALID UNTIL ${literal(validUntil)}`]),
  ];
  return [
    sql`CREATE ROLE ${identifier(name)} NOLOGIN ${joined(options, sql` `)}`,
    ...(comment === undefined ? [] : [sql`COMMENT ON ROLE ${identifier(name)} IS ${literal(comment)}`]),
  ];
}

/** Of groups that are there: the findings already name those that are not, and superusers. */
async function grantMemberships(session: PgSession, { name, memberOf }: RoleStatements): Promise<void> {
  const groups = memberOf.map(({ group }) => group);
  const existing = groups.length === 0 ? [] : await existingRoles(session, groups);
  for (const { group, inherits, sets } of memberOf) {
    if (!existing.includes(group)) continue;
    // Only a server from 16 on records these options, and only such a server accepts them.
    const options =
      session.serverMajor < 16 || inherits === undefined
        ? sql``
        : sql` WITH INHERIT ${inherits ? sql`TRUE` : sql`FALSE`}, SET ${sets ? sql`TRUE` : sql`FALSE`}`;
    await session.query(sql`GRANT ${identifier(group)} TO ${identifier(name)}${options}`);
  }
  await session.query(
    sql`DO ${body(sql`BEGIN
       IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
         EXECUTE format('GRANT %I TO %I', ${literal(name)}, current_user);
       END IF;
     END`)}`,
  );
}

/** The roles, with the memberships among what they do not get back whose groups neither the server has nor the restore brings. */
export async function withoutAbsentGroups(
  session: PgSession,
  roles: readonly RoleStatements[],
): Promise<RoleStatements[]> {
  const groups = roles.flatMap(({ memberOf }) => memberOf.map(({ group }) => group));
  const present = new Set([...(await existingRoles(session, groups)), ...roles.map(({ name }) => name)]);
  return roles.map((role) => ({
    ...role,
    memberOf: role.memberOf.filter(({ group }) => present.has(group)),
    withheld: [
      ...role.withheld,
      ...role.memberOf.filter(({ group }) => !present.has(group)).map(({ group }) => `member of ${group}`),
    ],
  }));
}

/** Predefined roles such as pg_read_all_data, and superusers, grant more than a backup should hand out. */
async function existingRoles(session: PgSession, names: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles WHERE rolname = ANY($1::text[]) AND rolname !~ '^pg_' AND NOT rolsuper`,
    [names],
  );
  return rows.map(({ name }) => name);
}
