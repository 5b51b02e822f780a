import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { USER_SCHEMA } from './sql.js';

/**
 * Every role that anything in this database refers to, in order. pg_shdepend knows them all but those that belong to
 * PostgreSQL itself (the bootstrap superuser, pg_read_all_data): these are looked for where they can be named.
 */
export async function readRoles(session: PgSession): Promise<string[]> {
  const rows = await session.query<{ name: string }>(`
    WITH this AS (SELECT oid, datdba FROM pg_database WHERE datname = current_database()),
    object AS (
      SELECT n.nspowner AS owner, n.nspacl AS acl FROM pg_namespace n WHERE ${USER_SCHEMA}
      UNION ALL
      SELECT c.relowner, c.relacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${USER_SCHEMA}
      UNION ALL
      SELECT c.relowner, a.attacl FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${USER_SCHEMA} AND a.attacl IS NOT NULL
      UNION ALL
      SELECT p.proowner, p.proacl FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${USER_SCHEMA}
      UNION ALL
      SELECT t.typowner, t.typacl FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE ${USER_SCHEMA}
      UNION ALL
      SELECT d.defaclrole, d.defaclacl FROM pg_default_acl d
    ),
    referred AS (
      SELECT s.refobjid AS role FROM pg_shdepend s, this
      WHERE s.refclassid = 'pg_authid'::regclass
        AND (s.dbid = this.oid OR (s.dbid = 0 AND s.classid = 'pg_database'::regclass AND s.objid = this.oid))
      UNION SELECT datdba FROM this
      UNION SELECT owner FROM object
      UNION SELECT a.grantee FROM object CROSS JOIN LATERAL aclexplode(object.acl) a
      UNION SELECT a.grantor FROM object CROSS JOIN LATERAL aclexplode(object.acl) a
      UNION SELECT unnest(p.polroles) FROM pg_policy p
      UNION SELECT s.setrole FROM pg_db_role_setting s, this WHERE s.setdatabase = this.oid
    )
    SELECT r.rolname::text AS name
    FROM pg_roles r
    JOIN referred ON referred.role = r.oid
    ORDER BY r.rolname`);
  return rows.map(({ name }) => name);
}

/** Of the named roles, those that no policy binds. */
export async function readUnboundRoles(session: PgSession, roles: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY ($1::text[]) AND (rolsuper OR rolbypassrls) ORDER BY rolname`,
    [roles],
  );
  return rows.map(({ name }) => name);
}
