import { toActAs } from '#common/engines/postgres/act-as.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { identifier, sql } from '#common/pg/sql.js';

/** The application's role as the session's own role finds it. */
export interface RoleState {
  readonly bypasses: boolean;
  readonly mayActAs: boolean;
  /** The session's own role. */
  readonly user: string;
}

/** Undefined: there is no such role. */
export async function findRoleState(session: PgSession, role: string): Promise<RoleState | undefined> {
  const [state] = await session.query<RoleState>(
    sql`SELECT rolsuper OR rolbypassrls AS bypasses, pg_has_role(oid, ${toActAs(session)}) AS "mayActAs", current_user::text AS user
     FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  return state;
}

/** Why the session cannot see with the role's eyes, or undefined. */
export async function findBlindness(session: PgSession, role: string): Promise<string | undefined> {
  const state = await findRoleState(session, role);
  if (state === undefined) return `role ${role} does not exist`;
  if (state.bypasses) return `role ${role} bypasses row-level security: it sees the rows of every tenant`;
  if (state.mayActAs) return undefined;
  return `role ${state.user} may not act as ${role}; ${toGrant(session, role, state.user)} lets it`;
}

/** Without inheritance, where the server knows that: the backup's role acts as the application only where it says so. */
function toGrant({ serverMajor }: PgSession, role: string, user: string): string {
  const options = serverMajor >= 16 ? ' WITH INHERIT FALSE, SET TRUE' : '';
  return sql`GRANT ${identifier(role)} TO ${identifier(user)}`.text + options;
}
