import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { identifier, keywords, role as roleOf, type Sql, sql } from '#common/pg/sql.js';

interface DefaultPrivileges {
  readonly role: string;
  readonly schema: string | null;
  readonly type: string;
  readonly grantees: readonly string[];
}

/** What PUBLIC may do with a new object unless ALTER DEFAULT PRIVILEGES said otherwise. */
const BUILT_IN: Readonly<Record<string, string>> = { FUNCTIONS: 'EXECUTE', TYPES: 'USAGE' };

/**
 * Takes back what ALTER DEFAULT PRIVILEGES gives away of everything that the session's role creates. An archive states privileges as
 * differences from PostgreSQL's own defaults: with others in force while it is restored, a table that no role was granted would come
 * back open. The archive's own default privileges come last and bring these back.
 */
export async function plainDefaultPrivileges(session: PgSession): Promise<Sql[]> {
  const rows = await session.query<DefaultPrivileges>(`
    SELECT
      current_user::text AS role,
      n.nspname AS schema,
      CASE d.defaclobjtype
        WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
        WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS'
      END AS type,
      ARRAY(
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END
        FROM aclexplode(d.defaclacl) a
      ) AS grantees
    FROM pg_default_acl d
    LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    WHERE d.defaclrole = current_user::regrole`);
  return rows.flatMap(toStatements);
}

/** Schemas among those named in which new tables and sequences of the session's role get privileges of which no archive knows. */
export async function findDefaultPrivileges(session: PgSession, schemas: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ schema: string }>(
    `SELECT s.schema FROM unnest($1::text[]) AS s (schema)
     WHERE EXISTS (
       SELECT FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
       WHERE d.defaclrole = current_user::regrole AND d.defaclobjtype IN ('r', 'S')
         AND (d.defaclnamespace = 0 OR n.nspname = s.schema))
     ORDER BY 1`,
    [schemas],
  );
  return rows.map(({ schema }) => schema);
}

function toStatements({ role, schema, type, grantees }: DefaultPrivileges): Sql[] {
  const scope = schema === null ? sql`` : sql` IN SCHEMA ${identifier(schema)}`;
  const kind = keywords(type);
  const alter = sql`ALTER DEFAULT PRIVILEGES FOR ROLE ${identifier(role)}${scope}`;
  const revokes = grantees.map((grantee) => sql`${alter} REVOKE ALL ON ${kind} FROM ${roleOf(grantee)}`);
  // Those of one schema are added to the built-in ones; those of the whole database replace them.
  if (schema !== null) return revokes;
  const ofPublic = BUILT_IN[type];
  return [
    ...revokes,
    sql`${alter} GRANT ALL ON ${kind} TO ${identifier(role)}`,
    ...(ofPublic === undefined ? [] : [sql`${alter} GRANT ${keywords(ofPublic)} ON ${kind} TO PUBLIC`]),
  ];
}
