import type { PgSession } from './pg-session.js';

/** Roles among `names` that the server lacks, sorted. */
export async function findMissingRoles(session: PgSession, names: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
     WHERE name NOT IN ('public', 'PUBLIC') AND name NOT LIKE 'pg\\_%'
       AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
     ORDER BY name`,
    [names],
  );
  return rows.map(({ name }) => name);
}

/** What the globals say of a role, as far as it is safe to bring back without asking: never LOGIN, SUPERUSER or BYPASSRLS. */
export interface RoleStatements {
  readonly name: string;
  readonly inherits: boolean;
  readonly memberOf: readonly string[];
}

/** Reads the roles' inheritance and memberships from `pg_dumpall --roles-only` text; a role that it does not mention inherits. */
export function toRoleStatements(globals: string, names: readonly string[]): RoleStatements[] {
  const memberships = [...globals.matchAll(/^GRANT ("(?:[^"]|"")+"|\S+) TO ("(?:[^"]|"")+"|[^\s;]+)/gm)].map(
    ([, group = '', member = '']) => ({ group: unquote(group), member: unquote(member) }),
  );
  const noInherit = new Set(
    [...globals.matchAll(/^ALTER ROLE ("(?:[^"]|"")+"|\S+) WITH .*\bNOINHERIT\b/gm)].map(([, name = '']) =>
      unquote(name),
    ),
  );
  return names.map((name) => ({
    name,
    inherits: !noInherit.has(name),
    memberOf: memberships.filter(({ member }) => member === name).map(({ group }) => group),
  }));
}

/** Creates the roles, NOLOGIN, in one transaction. An operator gives them LOGIN and a password. */
export async function createRoles(session: PgSession, roles: readonly RoleStatements[]): Promise<void> {
  await session.query('BEGIN');
  try {
    for (const { name, inherits } of roles) {
      await session.query(`CREATE ROLE ${quoteIdentifier(name)} NOLOGIN ${inherits ? 'INHERIT' : 'NOINHERIT'}`);
    }
    for (const { name, memberOf } of roles) {
      const groups = memberOf.length === 0 ? [] : await existingRoles(session, memberOf);
      for (const group of groups) await session.query(`GRANT ${quoteIdentifier(group)} TO ${quoteIdentifier(name)}`);
    }
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK');
    throw error;
  }
}

/** Predefined roles such as pg_read_all_data grant more than a backup should hand out. */
async function existingRoles(session: PgSession, names: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles WHERE rolname = ANY($1::text[]) AND rolname NOT LIKE 'pg\\_%' AND NOT rolsuper`,
    [names],
  );
  return rows.map(({ name }) => name);
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const unquote = (text: string): string => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
