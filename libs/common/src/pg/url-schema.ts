import { readBy } from '#common/errors/read-by.js';
import { parsePgUrl } from './connection.js';

export const PostgresUrl = readBy(parsePgUrl)
  .meta({ pattern: '^postgres(ql)?://' })
  .describe(
    'Connection URL, by libpq’s rules; keep the password in an env or file reference, PGPASSWORD or a pass file',
  );
