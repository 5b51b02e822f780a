import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { sql } from '#common/pg/sql.js';

interface Denied {
  readonly role: string;
  readonly database: string;
  readonly oids: readonly string[];
}

/**
 * `pg_read_all_data` does not reach large objects: each has privileges of its own, and a dump reads all of them. Returns
 * postgres.permission, which names those that the role may not read, with the grants that help.
 */
export async function findForbiddenLargeObjects(session: PgSession): Promise<AppError | undefined> {
  // From 18 on the server has a function to ask.
  const mayRead =
    session.serverMajor >= 18
      ? sql`has_largeobject_privilege(l.oid, 'SELECT')`
      : sql`EXISTS (
          SELECT FROM aclexplode(coalesce(l.lomacl, acldefault('L', l.lomowner))) a
          WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))
        )`;
  const { role, database, oids } = await session.queryOne<Denied>(sql`
    SELECT
      quote_ident(current_user) AS role,
      quote_ident(current_database()) AS database,
      ARRAY(
        SELECT l.oid::text FROM pg_largeobject_metadata l
        WHERE NOT current_setting('lo_compat_privileges')::boolean AND NOT ${mayRead}
          AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        ORDER BY l.oid
      ) AS oids`);
  if (oids.length === 0) return undefined;
  return new AppError(
    'postgres.permission',
    `role ${role} may not read the large objects ${toShortList(oids)}`,
    { role, largeObjects: [...oids] },
    {
      hint:
        `Let the role read these, \`${toGrant(oids, role)}\`, run by their owner or a superuser; or all there are and will be, ` +
        `\`ALTER ROLE ${role} IN DATABASE ${database} SET lo_compat_privileges = on\`, run by a superuser.`,
    },
  );
}

/** Any number in one line of psql. */
const toGrant = (oids: readonly string[], role: string): string =>
  oids.length <= 5
    ? `GRANT SELECT ON LARGE OBJECT ${oids.join(', ')} TO ${role}`
    : `SELECT format('GRANT SELECT ON LARGE OBJECT %s TO ${role.replaceAll("'", "''").replaceAll('%', '%%')}', oid) FROM pg_largeobject_metadata \\gexec`;
