/** Schemas that belong to the user: PostgreSQL reserves names that begin with pg_. `n` is pg_namespace. */
export const USER_SCHEMA = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** Members of an extension come back with CREATE EXTENSION, in whatever shape that version gives them. */
export const isExtensionMember = (catalog: string, oid: string): string => `EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e'
    )`;

/** Sorted `grantee=PRIVILEGE[*]/grantor` of an ACL expression, as text[]. */
export const toPrivileges = (acl: string): string => `ARRAY(
      SELECT ${toPrivilege('')} FROM aclexplode(${acl}) a ORDER BY 1
    )`;

/** One row of `aclexplode` as text; a column's privilege names it: `SELECT(price)`. */
export const toPrivilege = (column: string): string => `(
        CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END
        || '=' || a.privilege_type${column === '' ? '' : ` || '(' || ${column} || ')'`}
        || CASE WHEN a.is_grantable THEN '*' ELSE '' END
        || '/' || pg_get_userbyid(a.grantor)
      ) COLLATE "C"`;
