import type { z } from 'zod';
import type { ExtensionFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

export function readExtensions(session: PgSession): Promise<z.infer<typeof ExtensionFacts>[]> {
  return session.query(`
    SELECT x.extname AS name, x.extversion AS version, n.nspname AS schema,
      obj_description(x.oid, 'pg_extension') AS comment
    FROM pg_extension x
    JOIN pg_namespace n ON n.oid = x.extnamespace
    ORDER BY x.extname`);
}
