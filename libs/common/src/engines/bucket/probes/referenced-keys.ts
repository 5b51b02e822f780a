import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { connectPg } from '#common/pg/client.js';
import { parsePgUrl, toPgLabel } from '#common/pg/connection.js';
import { literal, sql, subquery } from '#common/pg/sql.js';

const BATCH_ROWS = 1_000;

export interface ReferenceQuery {
  readonly url: string;
  /** Its first column is the key, or the address, of an object. */
  readonly query: string;
  /** What stands before the key in an address. */
  readonly before: string;
  readonly signal: AbortSignal;
}

/** Keys that rows of a database refer to, sorted by code points, each once. Throws: postgres.*; what the server says of the query. */
export async function* readReferences({ url, query, before, signal }: ReferenceQuery): AsyncGenerator<{ key: string }> {
  const connection = parsePgUrl(url);
  const { client } = await connectPg(connection, { applicationName: 'holdfast media probe', signal }).catch((cause) => {
    signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    const code = toText(sqlStateOf(cause)).startsWith('28') ? 'postgres.auth' : 'postgres.unreachable';
    throw new AppError(code, `cannot connect to ${toPgLabel(connection)}: ${toText(cause)}`, {}, { cause });
  });
  const stop = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  const start = literal(before);
  const references = sql`
    DECLARE holdfast_references NO SCROLL CURSOR FOR
    SELECT DISTINCT key COLLATE "C" AS key FROM (
      SELECT CASE WHEN starts_with(ref::text, ${start}) THEN substr(ref::text, length(${start}) + 1) ELSE ref::text END AS key
      FROM ${subquery(query)} q(ref) WHERE ref IS NOT NULL
    ) keys ORDER BY 1`;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    await client.query(references.text);
    for (;;) {
      const { rows } = await client.query<{ key: string }>(`FETCH ${BATCH_ROWS} FROM holdfast_references`);
      if (rows.length === 0) return;
      yield* rows;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

export const sqlStateOf = (error: unknown): unknown => (error as { readonly code?: unknown } | undefined)?.code;
