import { toDatabaseError } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

/** data_corrupted, index_corrupted, undefined_file, io_error. Source: PostgreSQL, appendix A. */
const CORRUPT = new Set(['XX001', 'XX002', '58P01', '58030']);

/** What the server says of a page or file that it cannot read: a finding about what was restored, not a failure to look. */
export function findCorruption(error: unknown): string | undefined {
  const cause = toDatabaseError(error);
  return cause !== undefined && CORRUPT.has(cause.code ?? '') ? cause.message : undefined;
}

/** `base/5/16384.1`: the file of a relation as messages name it. */
const FILE = /(?:base\/\d+|pg_tblspc\/\d+\/[^/]+\/\d+)\/(\d+)/;

/** The table or index that the message is about, where it tells only of a file. */
export async function findRelationOf(session: PgSession, message: string): Promise<string | undefined> {
  const node = FILE.exec(message)?.[1];
  if (node === undefined) return undefined;
  const [row] = await session.query<{ name: string }>(
    `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE pg_relation_filenode(c.oid) = $1::oid`,
    [node],
  );
  return row === undefined ? undefined : `relation ${row.name}`;
}
