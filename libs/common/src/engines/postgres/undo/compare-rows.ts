import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PgConnection } from '#common/pg/connection.js';
import { toPgEnvironment } from '#common/pg/environment.js';
import { identifier, joined, type Sql, sql, subquery } from '#common/pg/sql.js';
import { runCommand } from '#common/process/run-command.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { toUndoError } from './psql-errors.js';
import { asText, keyPlaces, stagedColumns, type TablePair, tableOf } from './table-pair.js';

/** What differs between a table as it was and as it is. */
export interface RowDifferences {
  /** They were there, and are not. */
  readonly missing: number;
  /** They are there with the same key and other values. */
  readonly changed: number;
  /** They were not there, and stay. */
  readonly added: number;
  /** Of the first few that are missing or changed. */
  readonly keys: { readonly missing: readonly string[]; readonly changed: readonly string[] };
}

export interface CompareDeps {
  /** On the recovered server: both sides are compared there, and the live one only reads. */
  readonly past: PgSession;
  readonly live: PgConnection;
  /** Restricts both sides; SQL of the operator's. */
  readonly where: string | undefined;
  readonly tools: PgToolset;
  readonly folder: string;
  readonly applicationName: string;
  readonly signal: AbortSignal;
}

/** Values are compared as text: these have a say in what it looks like. */
export const TEXT_FORM: Readonly<Record<string, string>> = {
  ...{ datestyle: 'ISO,YMD', intervalstyle: 'postgres', timezone: 'UTC', extra_float_digits: '1' },
  ...{ bytea_output: 'hex', client_encoding: 'UTF8' },
};

const SCHEMA = sql`holdfast_undo`;
const SAMPLE = 5;
export const PSQL = ['-X', '-q', '--no-password', '--set=ON_ERROR_STOP=1', '--set=VERBOSITY=verbose'];

/** The files of one comparison: what is missing, and what changed, as it was and as it is. Text of COPY. */
export interface StagedRows extends RowDifferences {
  readonly pair: TablePair;
  readonly missingFile: string;
  readonly changedFile: string;
}

/** Rows of a recovered table and of the live one, side by side on the recovered server. Throws: undo.failed, postgres.*, engine.*; the abort reason. */
export async function compareRows(pair: TablePair, number: number, d: CompareDeps): Promise<StagedRows> {
  const { past, where } = d;
  const columns = stagedColumns(pair.columns.length);
  const name = (what: string): Sql => sql`${SCHEMA}.${identifier(`${what}_${number}`)}`;
  const [was, is, missing, changed] = [name('was'), name('is'), name('missing'), name('changed')];
  const condition = where === undefined ? sql`` : sql` WHERE ${subquery(where)}`;
  await past.query(sql`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
  await past.query(sql`CREATE UNLOGGED TABLE ${is} (${joined(columns.map((column) => sql`${column} text`))})`);
  await past.query(
    sql`CREATE UNLOGGED TABLE ${was} (${joined(columns)}) AS SELECT ${asText(pair)} FROM ${tableOf(pair)}${condition}`,
  );
  await copyLive(sql`COPY (SELECT ${asText(pair)} FROM ${tableOf(pair)}${condition}) TO STDOUT`, is, d);
  await past.query(sql`ANALYZE ${was}, ${is}`);
  const places = keyPlaces(pair);
  await past.query(sql`CREATE UNLOGGED TABLE ${missing} AS ${missingOf({ from: was, without: is, columns, places })}`);
  await past.query(
    sql`CREATE UNLOGGED TABLE ${changed} (${joined([...columns, ...stagedColumns(columns.length, 'l')])}) AS ${changedOf({ was, is, columns, places })}`,
  );
  const added = await count(past, sql`(${missingOf({ from: is, without: was, columns, places })})`);
  const keyColumns = places.length === 0 ? columns : places.map((place) => columns[place] as Sql);
  return {
    ...{ pair, added, missing: await count(past, missing), changed: await count(past, changed) },
    keys: { missing: await sample(past, missing, keyColumns), changed: await sample(past, changed, keyColumns) },
    missingFile: await copyOut(missing, `missing_${number}`, d),
    changedFile: await copyOut(changed, `changed_${number}`, d),
  };
}

interface Sides {
  readonly columns: readonly Sql[];
  readonly places: readonly number[];
}

/** By the key; without one each row as often as it is there more. */
function missingOf({ from, without, columns, places }: Sides & Record<'from' | 'without', Sql>): Sql {
  const all = joined(columns);
  if (places.length === 0) return sql`SELECT ${all} FROM ${from} EXCEPT ALL SELECT ${all} FROM ${without}`;
  return sql`SELECT ${all} FROM ${from} a WHERE NOT EXISTS (SELECT FROM ${without} b WHERE ${sameKey(columns, places)})`;
}

function changedOf({ was, is, columns, places }: Sides & Record<'was' | 'is', Sql>): Sql {
  const [as, bs] = [columns.map((column) => sql`a.${column}`), columns.map((column) => sql`b.${column}`)];
  const join = places.length === 0 ? sql`false` : sameKey(columns, places);
  return sql`SELECT ${joined([...as, ...bs])} FROM ${was} a JOIN ${is} b ON ${join}
    WHERE ROW(${joined(as)}) IS DISTINCT FROM ROW(${joined(bs)})`;
}

const sameKey = (columns: readonly Sql[], places: readonly number[]): Sql =>
  joined(
    places.map((place) => sql`a.${columns[place] as Sql} = b.${columns[place] as Sql}`),
    sql` AND `,
  );

async function count(session: PgSession, rows: Sql): Promise<number> {
  const { n } = await session.queryOne<{ n: string }>(sql`SELECT count(*) AS n FROM ${rows} AS counted`);
  return Number(n);
}

async function sample(session: PgSession, rows: Sql, key: readonly Sql[]): Promise<string[]> {
  const found = await session.query<{ key: string }>(
    sql`SELECT concat_ws(', ', ${joined(key)}) AS key FROM ${rows} LIMIT ${SAMPLE}`,
  );
  return found.map((row) => row.key);
}

/** The kernel carries the rows from one server to the other. */
async function copyLive(statement: Sql, to: Sql, d: CompareDeps): Promise<void> {
  const { tools, live, past, folder, applicationName, signal } = d;
  // In a file: the condition is the operator's, and arguments are visible to every user of the machine.
  const script = join(folder, 'read-live.sql');
  await writeFile(script, `${statement.text};\n`, { mode: 0o600 });
  const readOnly = { ...TEXT_FORM, row_security: 'off', default_transaction_read_only: 'on' };
  const complaints: string[] = [];
  const chain = spawnChain(
    [
      {
        program: tools.path('psql'),
        args: [...PSQL, `--file=${script}`],
        env: toPgEnvironment(live, applicationName, readOnly),
      },
      {
        program: tools.path('psql'),
        args: [...PSQL, '--command', sql`COPY ${to} FROM STDIN`.text],
        env: toPgEnvironment(past.connection, applicationName, TEXT_FORM),
      },
    ],
    { signal, onStderrLine: (line) => complaints.push(line) },
  );
  chain.stdout.resume();
  await chain.ended.catch((error: unknown) => {
    signal.throwIfAborted();
    throw toUndoError(complaints, error, 'nothing was changed');
  });
}

async function copyOut(table: Sql, name: string, d: CompareDeps): Promise<string> {
  const { tools, past, folder, applicationName, signal } = d;
  const file = join(folder, `${name}.copy`);
  const args = [...PSQL, `--output=${file}`, '--command', sql`COPY ${table} TO STDOUT`.text];
  const env = toPgEnvironment(past.connection, applicationName, TEXT_FORM);
  await runCommand({ program: tools.path('psql'), args, env }, { signal });
  return file;
}
