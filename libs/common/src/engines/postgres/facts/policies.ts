import type { PolicyFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { USER_SCHEMA } from './sql.js';

/** The row-level security policies of every table, by the table's oid. */
export async function readPolicies(session: PgSession): Promise<Map<string, PolicyFacts[]>> {
  const rows = await session.query<{ table: string; policy: PolicyFacts }>(`
    SELECT
      p.polrelid::text AS table,
      jsonb_build_object(
        'name', p.polname,
        'command', CASE p.polcmd
          WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL'
        END,
        'permissive', p.polpermissive,
        'roles', ARRAY(
          SELECT CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END COLLATE "C"
          FROM unnest(p.polroles) r ORDER BY 1
        ),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid)
      ) AS policy
    FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${USER_SCHEMA}
    ORDER BY p.polrelid, p.polname`);
  const byTable = new Map<string, PolicyFacts[]>();
  for (const { table, policy } of rows) byTable.set(table, [...(byTable.get(table) ?? []), policy]);
  return byTable;
}
