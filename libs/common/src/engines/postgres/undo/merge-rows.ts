import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PgConnection } from '#common/pg/connection.js';
import { toPgEnvironment } from '#common/pg/environment.js';
import { body, identifier, joined, literal, printed, type Sql, sql } from '#common/pg/sql.js';
import { runCommand } from '#common/process/run-command.js';
import { PSQL, type StagedRows, TEXT_FORM } from './compare-rows.js';
import { toUndoError } from './psql-errors.js';
import { keyPlaces, stagedColumns, type TablePair, tableOf } from './table-pair.js';

export interface MergeDeps {
  readonly live: PgConnection;
  readonly tools: PgToolset;
  readonly folder: string;
  readonly lockTimeoutMs: number;
  readonly applicationName: string;
  readonly signal: AbortSignal;
}

export interface MergeRequest {
  /** In the order of their foreign keys. */
  readonly tables: readonly StagedRows[];
  /** Whether rows that changed become again what they were. */
  readonly withChanged: boolean;
}

/**
 * Brings rows back in one transaction: all of them, or none. A row whose key is taken, that refers to one that is gone, or that changed again since it was
 * compared fails it; so does a trigger that swallows one. Throws: undo.failed, postgres.*, engine.*; the abort reason.
 */
export async function mergeRows(request: MergeRequest, d: MergeDeps): Promise<void> {
  const { live, tools, folder, lockTimeoutMs, applicationName, signal } = d;
  const script = join(folder, 'merge.sql');
  await writeFile(script, toScript(request), { mode: 0o600 });
  const settings = {
    ...{ ...TEXT_FORM, row_security: 'off', lock_timeout: `${lockTimeoutMs}ms`, client_min_messages: 'error' },
    ...{ statement_timeout: '0', idle_in_transaction_session_timeout: '0' },
  };
  const env = toPgEnvironment(live, applicationName, settings);
  const complaints: string[] = [];
  const command = { program: tools.path('psql'), args: [...PSQL, '--output=/dev/null', `--file=${script}`], env };
  await runCommand(command, { signal, onStderrLine: (line) => complaints.push(line) }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw toUndoError(complaints, error, 'the database is as it was, unless the connection broke at the very end');
  });
}

/** COMMIT is the last line: whatever ends psql before ends the transaction. */
function toScript({ tables, withChanged }: MergeRequest): string {
  const lines = ['BEGIN;', 'SET CONSTRAINTS ALL DEFERRED;'];
  for (const [index, table] of tables.entries()) {
    if (table.missing > 0) lines.push(...toInsert(table, index + 1));
  }
  for (const [index, table] of tables.entries())
    if (withChanged && table.changed > 0) lines.push(...toUpdate(table, index + 1));
  return [...lines, 'COMMIT;', ''].join('\n');
}

function toInsert({ pair, missing, missingFile }: StagedRows, number: number): string[] {
  const staged = identifier(`holdfast_missing_${number}`);
  const columns = stagedColumns(pair.columns.length);
  const names = joined(pair.columns.map(({ name }) => identifier(name)));
  const values = joined(columns.map((column, at) => castTo(column, pair, at)));
  const insert = sql`INSERT INTO ${tableOf(pair)} (${names}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM ${staged}`;
  return [...toStage(staged, columns, missingFile), changing(insert, missing, pair)];
}

function toUpdate({ pair, changed, changedFile }: StagedRows, number: number): string[] {
  const staged = identifier(`holdfast_changed_${number}`);
  const count = pair.columns.length;
  const [was, seen] = [stagedColumns(count), stagedColumns(count, 'l')];
  const places = keyPlaces(pair);
  const set = pair.columns.flatMap(({ name }, at) =>
    places.includes(at) ? [] : [sql`${identifier(name)} = ${castTo(sql`s.${was[at] as Sql}`, pair, at)}`],
  );
  const key = places.map(
    (at) => sql`t.${identifier(pair.columns[at]?.name ?? '')} = ${castTo(sql`s.${was[at] as Sql}`, pair, at)}`,
  );
  const now = joined(pair.columns.map(({ name }) => sql`t.${identifier(name)}::text`));
  const compared = joined(seen.map((column) => sql`s.${column}`));
  const update = sql`UPDATE ${tableOf(pair)} t SET ${joined(set)} FROM ${staged} s
    WHERE ${joined(key, sql` AND `)} AND ROW(${now}) IS NOT DISTINCT FROM ROW(${compared})`;
  return [...toStage(staged, [...was, ...seen], changedFile), changing(update, changed, pair)];
}

const castTo = (value: Sql, { columns }: TablePair, at: number): Sql =>
  sql`${value}::${printed(columns[at]?.type ?? 'text')}`;

function toStage(staged: Sql, columns: readonly Sql[], file: string): string[] {
  const create = sql`CREATE TEMPORARY TABLE ${staged} (${joined(columns.map((column) => sql`${column} text`))}) ON COMMIT DROP`;
  return [`${create.text};`, `\\copy ${staged.text} FROM ${literal(file).text}`];
}

/** Exactly as many as were compared, or none of all. */
function changing(statement: Sql, expected: number, { name }: TablePair): string {
  const message = literal(
    `${name} has changed since its rows were compared, or a trigger keeps rows from it: run it again`,
  );
  const block = sql`DECLARE rows bigint; BEGIN
    ${statement};
    GET DIAGNOSTICS rows = ROW_COUNT;
    IF rows <> ${expected} THEN RAISE EXCEPTION USING MESSAGE = ${message}, ERRCODE = '40001'; END IF;
  END`;
  return sql`DO ${body(block)};`.text;
}
