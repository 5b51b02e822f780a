import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import { USER_SCHEMA } from './facts-sql.js';

interface Reader {
  readonly name: string;
  readonly role: string;
}

/**
 * The session's role may read every table and sequence, and no policy hides a row from it.
 * Asked before any lock is taken: these functions look at the catalog only and wait for nobody.
 * Throws: postgres.permission, postgres.rls-hidden, each naming the tables.
 */
export async function assertReadable(session: PgSession): Promise<void> {
  await assertMayRead(session);
  await assertSeesAllRows(session);
}

async function assertMayRead(session: PgSession): Promise<void> {
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
  if (first === undefined) return;
  throw new AppError(
    'postgres.permission',
    `role ${first.role} may not read ${toNameList(denied)}`,
    { role: first.role, relations: denied.map(({ name }) => name) },
    { hint: `Let the backup role read everything: \`GRANT pg_read_all_data TO ${first.role}\`, run by a superuser.` },
  );
}

async function assertSeesAllRows(session: PgSession): Promise<void> {
  const hidden = await session.query<Reader>(`
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, quote_ident(current_user) AS role
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND ${USER_SCHEMA} AND row_security_active(c.oid)
    ORDER BY n.nspname, c.relname`);
  const [first] = hidden;
  if (first === undefined) return;
  throw new AppError(
    'postgres.rls-hidden',
    `row-level security hides rows of ${toNameList(hidden)} from role ${first.role}`,
    { role: first.role, tables: hidden.map(({ name }) => name) },
    { hint: `Let the backup role see every row: \`ALTER ROLE ${first.role} BYPASSRLS\`, run by a superuser.` },
  );
}

/** "a, b, c and 12 more": all of them are in the context. */
function toNameList(rows: readonly Reader[]): string {
  const shown = rows.slice(0, 5).map(({ name }) => name);
  const rest = rows.length - shown.length;
  return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`;
}
