import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

/**
 * Where the application's migrations stand, by the dataset's own query; null where it gives none.
 * The query is written for the database's search_path, not for ours. A query that fails is the configuration's error,
 * not a database without migrations.
 * Throws: config.invalid; postgres.* when the server is gone.
 */
export async function readMigrationHead(session: PgSession, query: string | undefined): Promise<string | null> {
  if (query === undefined) return null;
  await session.query('RESET search_path');
  try {
    const { rows, fields } = await session.run<Record<string, unknown>>(query);
    const [column] = fields;
    if (column === undefined || rows.length > 1) throw toQueryError('it must return one row with one text');
    const value = rows[0]?.[column.name];
    return value === null || value === undefined ? null : toText(value);
  } catch (error) {
    if (error instanceof AppError && (error.code === 'postgres.query' || error.code === 'postgres.permission')) {
      throw toQueryError(error.message, error);
    }
    throw error;
  } finally {
    await session.query(`SET search_path = ''`).catch(() => undefined);
  }
}

const toQueryError = (reason: string, cause?: unknown): AppError =>
  new AppError(
    'config.invalid',
    `the migrationHeadQuery of the dataset failed: ${reason}`,
    {},
    { cause, hint: 'Correct `migrationHeadQuery` of the dataset in `holdfast.yaml`, then run `holdfast check`.' },
  );
