import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { databasePrivilegesOf } from '#common/engines/postgres/restore/preparation/preparation.js';
import { toPrivilegeStatements } from '#common/engines/postgres/restore/preparation/privileges.js';
import { toSettingStatement } from '#common/engines/postgres/restore/preparation/settings.js';
import { identifier, type Sql, sql } from '#common/pg/sql.js';
import { isMark } from './kept-databases.js';

/**
 * What the database that comes takes over from the one that goes, before the backup's own settings come: parameters, those with secrets included, which no
 * backup holds; and, where owners and privileges do not come back, whose it is and who may connect.
 */
export async function carryOver(
  session: PgSession,
  { from, to }: { readonly from: string; readonly to: string },
  { privileges }: Pick<PostgresTarget, 'privileges'>,
): Promise<Sql[]> {
  const settings = await session.query<{ role: string | null; setting: string }>(
    `SELECT CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole)::text END AS role, setting
     FROM pg_db_role_setting s
     JOIN pg_database d ON d.oid = s.setdatabase
     CROSS JOIN LATERAL unnest(s.setconfig) AS setting
     WHERE d.datname = $1`,
    [from],
  );
  const copied = settings.filter(({ setting }) => !isMark(setting)).map((setting) => toSettingStatement(setting, to));
  if (privileges === 'keep') return copied;
  const { owner, hasDefaults } = await session.queryOne<{ owner: string; hasDefaults: boolean }>(
    `SELECT pg_get_userbyid(datdba)::text AS owner, datacl IS NULL AS "hasDefaults" FROM pg_database WHERE datname = $1`,
    [from],
  );
  const on = sql`DATABASE ${identifier(to)}`;
  const wanted = await databasePrivilegesOf(session, from);
  return [
    ...copied,
    sql`ALTER ${on} OWNER TO ${identifier(owner)}`,
    ...(hasDefaults ? [] : toPrivilegeStatements({ on, owner, present: [], wanted })),
  ];
}
