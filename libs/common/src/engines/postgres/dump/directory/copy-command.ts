import type { TocEntry } from '#common/engines/postgres/archive-toc.js';
import { KEEPALIVES } from '#common/engines/postgres/pg-liveness.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { toPgEnvironment } from '#common/pg/environment.js';
import { literal, sql } from '#common/pg/sql.js';
import type { Command } from '#common/process/command.js';

/** What pg_dump sets before it copies rows, so that they read alike on every server. */
const SETTINGS: Readonly<Record<string, string>> = {
  ...KEEPALIVES,
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  extra_float_digits: '3',
  synchronize_seqscans: 'off',
  row_security: 'off',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  // All tables are locked by the holder: only a session that waits to alter one can stand in front of this one, and it would wait for ever.
  lock_timeout: '5000',
};

export interface CopySource {
  readonly dataset: PostgresDataset;
  readonly tools: PgToolset;
  readonly applicationName: string;
  /** The encoding of the archive. */
  readonly encoding: string;
}

/** psql, which runs the script on its standard input and writes nothing but what that copies. */
export const toCopyCommand = ({ dataset, tools, applicationName, encoding }: CopySource): Command => ({
  program: tools.path('psql'),
  args: ['-X', '-q', '-A', '-t', '--no-password', '--set=ON_ERROR_STOP=1', '--file=-'],
  env: { ...toPgEnvironment(dataset.connection, applicationName, SETTINGS), PGCLIENTENCODING: encoding },
});

const COPY = /^COPY (.+) FROM stdin;\s*$/s;
const PARTS = /^((?:"(?:[^"]|"")*"|[^". (]+)\.(?:"(?:[^"]|"")*"|[^". (]+)) *(?:\((.*)\))? *$/s;

/**
 * What a table's file holds: its rows in a held snapshot, and the end mark of pg_dump. The statement is the archive's own, turned round, with its names as pg_dump quoted them.
 * `condition`: of the rows that belong to a backup, of a table that an extension made. Throws: internal.bug for a statement of another form.
 */
export function toCopyScript({ copy }: Pick<TocEntry, 'copy'>, snapshot: string, condition: string): string {
  const what = COPY.exec(copy)?.[1];
  const [, table, columns = ''] = PARTS.exec(what ?? '') ?? [];
  if (what === undefined || table === undefined)
    throw new AppError('internal.bug', 'pg_dump copies rows by a statement of an unknown form', { copy });
  const rows = condition === '' ? what : `(SELECT ${columns || '*'} FROM ONLY ${table} ${condition})`;
  return [
    'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;',
    `${sql`SET TRANSACTION SNAPSHOT ${literal(snapshot)}`.text};`,
    `SET search_path = '';`,
    `COPY ${rows} TO STDOUT;`,
    `\\echo '\\\\.'`,
    '\\echo',
    '\\echo',
    '',
  ].join('\n');
}
