import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { findForbiddenLargeObjects } from './large-objects.js';
import { USER_SCHEMA } from './sql.js';

interface Reader {
  readonly name: string;
  readonly role: string;
}

/**
 * The session's role may read all that a dump reads: every table, sequence and large object, and no policy hides a row from it. Functions,
 * types, views and schemas are read from the system catalogs, which are open to every role.
 * Asked before any lock is taken: these functions look at the catalog only and wait for no lock.
 * Throws: postgres.permission, postgres.rls-hidden, each naming the objects.
 */
export async function assertReadable(session: PgSession): Promise<void> {
  const [first] = await findUnreadable(session);
  if (first !== undefined) throw first;
}

/** All that `assertReadable` could throw, the most important first. */
export async function findUnreadable(session: PgSession): Promise<AppError[]> {
  const found = [await findForbidden(session), await findForbiddenLargeObjects(session), await findHiddenRows(session)];
  return found.filter((error) => error !== undefined);
}

async function findForbidden(session: PgSession): Promise<AppError | undefined> {
  const denied = await session.query<Reader>(`
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, quote_ident(current_user) AS role
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND ${USER_SCHEMA}
      AND NOT (has_schema_privilege(n.oid, 'USAGE') AND CASE c.relkind
        WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
        ELSE has_table_privilege(c.oid, 'SELECT')
      END)
    ORDER BY n.nspname, c.relname`);
  const [first] = denied;
  if (first === undefined) return undefined;
  return new AppError(
    'postgres.permission',
    `role ${first.role} may not read ${toShortList(denied.map(({ name }) => name))}`,
    { role: first.role, relations: denied.map(({ name }) => name) },
    { hint: `Let the role read everything: \`${await toReadAllData(session)}\`, run by a superuser.` },
  );
}

/** A membership helps only a role that inherits it: until 15 that is a matter of the role, from 16 on of the grant. */
async function toReadAllData(session: PgSession): Promise<string> {
  const { role, isMember } = await session.queryOne<{ role: string; isMember: boolean }>(
    `SELECT quote_ident(current_user) AS role, pg_has_role('pg_read_all_data', 'MEMBER') AS "isMember"`,
  );
  if (!isMember) return `GRANT pg_read_all_data TO ${role}`;
  return session.serverMajor >= 16
    ? `GRANT pg_read_all_data TO ${role} WITH INHERIT TRUE`
    : `ALTER ROLE ${role} INHERIT`;
}

async function findHiddenRows(session: PgSession): Promise<AppError | undefined> {
  const hidden = await session.query<Reader>(`
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, quote_ident(current_user) AS role
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND ${USER_SCHEMA} AND row_security_active(c.oid)
    ORDER BY n.nspname, c.relname`);
  const [first] = hidden;
  if (first === undefined) return undefined;
  return new AppError(
    'postgres.rls-hidden',
    `row-level security hides rows of ${toShortList(hidden.map(({ name }) => name))} from role ${first.role}`,
    { role: first.role, tables: hidden.map(({ name }) => name) },
    { hint: `Let the role see every row: \`ALTER ROLE ${first.role} BYPASSRLS\`, run by a superuser.` },
  );
}
