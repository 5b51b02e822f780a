import type { MembershipFacts } from '../../contracts/snapshot-facts.js';
import type { PgSession } from './pg-session.js';

/**
 * Whose rights the named roles have besides their own. The session's own role is left out: who restores without being a superuser
 * is granted the roles that the restore creates.
 */
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
     WHERE m.rolname = ANY ($1::text[]) AND m.rolname !~ '^pg_' AND m.rolname <> current_user AND NOT m.rolsuper
     GROUP BY m.rolname, g.rolname, g.rolsuper
     ORDER BY m.rolname, g.rolname`,
    [roles],
  );
}
