import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { SettingFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

type Setting = z.infer<typeof SettingFacts>;

/** Names under which people keep secrets in settings (`app.jwt_secret`): neither manifest nor globals may hold their values. */
const SECRET_NAME = /secret|passw|token|api_?key|private_?key|credential/i;

/** `ALTER DATABASE/ROLE … SET` of this database, and of the named roles everywhere. */
export async function readSettings(session: PgSession, roles: readonly string[]): Promise<Setting[]> {
  const rows = await session.query<Setting>(
    `SELECT
       CASE WHEN s.setdatabase <> 0 THEN current_database()::text END AS database,
       CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole)::text END AS role,
       setting
     FROM pg_db_role_setting s
     CROSS JOIN LATERAL unnest(s.setconfig) AS setting
     WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
       OR (s.setdatabase = 0 AND pg_get_userbyid(s.setrole) = ANY ($1::text[]))
     ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3`,
    [roles],
  );
  return rows.map((row) => ({ ...row, setting: hideSecret(row.setting) }));
}

export const isSecretName = (setting: string): boolean => SECRET_NAME.test(setting);

/** Keeps the digest, so that two values still differ. */
export function hideSecret(setting: string): string {
  const [name = '', ...value] = setting.split('=');
  if (!isSecretName(name)) return setting;
  return `${name}=sha256:${createHash('sha256').update(value.join('=')).digest('hex')}`;
}
