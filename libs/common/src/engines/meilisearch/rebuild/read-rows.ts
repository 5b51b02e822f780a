import type { RebuildSource } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { connectPg } from '#common/pg/client.js';
import { parsePgUrl, toPgLabel } from '#common/pg/connection.js';
import { sql, subquery } from '#common/pg/sql.js';

/** A row may be a line or a megabyte: this bounds what one answer of the database takes. */
const FETCH_ROWS = 200;
/** Well below the 100 MB that a search server takes in one request unless it is configured otherwise. */
const BATCH_CHARACTERS = 4 * 1024 * 1024;

export interface Batch {
  /** A document each. */
  readonly lines: string;
  readonly rows: number;
}

/**
 * Every row of the query as a line of JSON, as they were at one moment, a batch at a time: memory does not grow with the table. The database
 * writes the JSON, so numbers keep their digits. Throws: postgres.*, search.source; the abort reason.
 */
export async function* readRows({ url, query }: RebuildSource, signal: AbortSignal): AsyncGenerator<Batch> {
  const connection = parsePgUrl(url);
  const label = toPgLabel(connection);
  // A row that row-level security hides would be missing from the index in silence: off turns that into an error.
  const options = { applicationName: 'holdfast rebuild', settings: { row_security: 'off' }, signal };
  const { client } = await connectPg(connection, options).catch((cause: unknown) => {
    signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    const code = stateOf(cause).startsWith('28') ? 'postgres.auth' : 'postgres.unreachable';
    throw new AppError(code, `cannot connect to ${label}: ${toText(cause)}`, {}, { cause });
  });
  const stop = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  const cursor = sql`DECLARE holdfast_rows NO SCROLL CURSOR FOR SELECT to_jsonb(q)::text AS line FROM ${subquery(query)} q`;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    await client.query(cursor.text);
    let lines: string[] = [];
    let characters = 0;
    for (;;) {
      const { rows } = await client.query<{ line: string }>(`FETCH ${FETCH_ROWS} FROM holdfast_rows`);
      lines.push(...rows.map(({ line }) => line));
      characters += rows.reduce((sum, { line }) => sum + line.length, 0);
      const isLast = rows.length === 0;
      if (lines.length > 0 && (isLast || characters >= BATCH_CHARACTERS)) {
        yield { lines: lines.join('\n'), rows: lines.length };
        [lines, characters] = [[], 0];
      }
      if (isLast) return;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (stateOf(error) === '') throw error;
    throw new AppError(
      'search.source',
      `${label} does not answer the query of the rebuild: ${toText(error)}`,
      {},
      { cause: error },
    );
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

const stateOf = (error: unknown): string => {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && !(error instanceof AppError) ? code : '';
};
