import type { MembershipFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

/** Whose rights the named roles have besides their own. */
export function readMemberships(session: PgSession, roles: readonly string[]): Promise<MembershipFacts[]> {
  return session.query<MembershipFacts>(
    `SELECT
       m.rolname::text AS member,
       g.rolname::text AS role,
       bool_or(a.admin_option) AS admin,
       g.rolsuper OR g.rolname ~ '^pg_' AS "isWithheld"
     FROM pg_auth_members a
     JOIN pg_roles m ON m.oid = a.member
     JOIN pg_roles g ON g.oid = a.roleid
     WHERE m.rolname = ANY ($1::text[]) AND m.rolname !~ '^pg_'
     GROUP BY m.rolname, g.rolname, g.rolsuper
     ORDER BY m.rolname, g.rolname`,
    [roles],
  );
}

/**
 * Roles whose memberships say nothing about a restore: superusers may do everything anyway, and the session's own role, where it
 * is none, was granted the roles that it created.
 */
export async function readExemptMembers(session: PgSession): Promise<ReadonlySet<string>> {
  const rows = await session.query<{ name: string }>(
    'SELECT rolname::text AS name FROM pg_roles WHERE rolsuper OR rolname = current_user',
  );
  return new Set(rows.map(({ name }) => name));
}
