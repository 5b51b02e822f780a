import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { identifier, type Sql, sql } from '#common/pg/sql.js';

/** What the extension of a server can check. */
export interface Amcheck {
  readonly version: string;
  /** Calls a function of the extension. */
  call(name: string): Sql;
  /** `verify_heapam`, from 1.3 on. */
  readonly checksTables: boolean;
  /** From 1.4 on: that unique indexes are unique. */
  readonly checksUnique: boolean;
  /** `gin_index_check`, from 1.5 on. */
  readonly checksGin: boolean;
}

export type OpenedAmcheck = { readonly amcheck: Amcheck } | { readonly reason: string };

const SCHEMA = identifier('holdfast_amcheck');

/**
 * The extension as it is installed, or installed for the transaction of the session, which is rolled back: a probe leaves nothing
 * behind. `reason` says why there is none, and what helps.
 */
export async function openAmcheck(session: PgSession): Promise<OpenedAmcheck> {
  const state = await session.queryOne<State>(STATE);
  const { role, isSuperuser } = state;
  if (state.schema === null) {
    if (state.available === null)
      return { reason: 'the server has no extension amcheck: install the contrib package of its version there' };
    if (state.isStandby)
      return { reason: 'a standby can install nothing: run CREATE EXTENSION amcheck on its primary' };
    if (!isSuperuser)
      return { reason: `role ${role} may not install amcheck: let a superuser run CREATE EXTENSION amcheck` };
    // Event triggers of the database are not to see it.
    await session.query(`SET LOCAL session_replication_role = 'replica'`);
    await session.query(sql`CREATE SCHEMA ${SCHEMA}`);
    await session.query(sql`CREATE EXTENSION amcheck SCHEMA ${SCHEMA}`);
    return { amcheck: toAmcheck(SCHEMA, state.available) };
  }
  if (!state.mayCall) {
    const grant = `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${state.schema} TO ${role}`;
    return { reason: `role ${role} may not call the functions of amcheck: let a superuser run ${grant}` };
  }
  return { amcheck: toAmcheck(identifier(state.schema), state.version ?? '0') };
}

interface State {
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly isStandby: boolean;
  readonly available: string | null;
  readonly schema: string | null;
  readonly version: string | null;
  readonly mayCall: boolean | null;
}

const STATE = `
  SELECT
    current_user::text AS role,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "isSuperuser",
    pg_is_in_recovery() AS "isStandby",
    (SELECT default_version FROM pg_available_extensions WHERE name = 'amcheck') AS available,
    n.nspname::text AS schema,
    e.extversion AS version,
    (SELECT bool_and(has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE'))
     FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
     WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid) AS "mayCall"
  FROM (SELECT) one LEFT JOIN pg_extension e ON e.extname = 'amcheck' LEFT JOIN pg_namespace n ON n.oid = e.extnamespace`;

function toAmcheck(schema: Sql, version: string): Amcheck {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isFrom = (wanted: number): boolean => major > 1 || minor >= wanted;
  return {
    version,
    call: (name) => sql`${schema}.${identifier(name)}`,
    ...{ checksTables: isFrom(3), checksUnique: isFrom(4), checksGin: isFrom(5) },
  };
}
