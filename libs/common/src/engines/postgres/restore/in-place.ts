import { writeFile } from 'node:fs/promises';
import { toCodeOfState } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import { withDatabase } from '#common/pg/connection.js';
import { type Sql, sql } from '#common/pg/sql.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { FENCED, fenceStatements } from './fence.js';
import { type Complaint, Complaints } from './program/errors.js';
import {
  type PgRestoreRequest,
  readRestoreList,
  toCommonArgs,
  toRestoreEnvironment,
  withoutRows,
  writeRestoreList,
} from './program/pg-restore.js';

export interface InPlaceRequest extends PgRestoreRequest {
  /** Holds the restore lock: the transaction commits only while it lives. */
  readonly lock: PgSession;
  /** Run first, in the same transaction: they keep event triggers from firing. */
  readonly quiet: readonly Sql[];
  /** Run before the archive, in the same transaction. */
  readonly statements: readonly Sql[];
  /** How long the restore waits for a lock that another session holds. */
  readonly lockTimeoutMs: number;
}

/**
 * Replaces the content of a database in one transaction: whatever fails, is refused or is killed leaves it exactly as it was.
 * pg_restore writes the script that psql runs, so that our own statements are part of the transaction. Nothing of it can be committed by
 * half: COMMIT is the script's own last line, which a pg_restore that died never writes.
 * Throws: postgres.locked, restore.blocked, restore.failed, claim.lost, postgres.*; engine.*; the abort reason.
 * Source: docs/decisions/0011-in-place-is-one-transaction.md
 */
export async function restoreInPlace(
  request: InPlaceRequest,
  target: PostgresTarget,
  signal: AbortSignal,
): Promise<void> {
  const { tools, database, identity, archive } = request;
  const preamble = `${archive}.preamble.sql`;
  await writeFile(preamble, toPreamble(request), { mode: 0o600 });
  const list = await writeRestoreList(request, await readRestoreList(request, signal));
  const complaints = new Complaints();
  const onStderrLine = (line: string): void => complaints.read(line);
  const chain = spawnChain(
    [
      {
        program: tools.path('pg_restore'),
        args: ['--clean', '--if-exists', '--single-transaction', '--file=-', ...toCommonArgs(request, target, list)],
      },
      { program: 'sed', args: ['-e', toHeaderFilter(request.serverMajor), '-e', PLACEHOLDER_FILTER] },
      {
        program: tools.path('psql'),
        args: ['-X', '-q', '--no-password', '-o/dev/null', ...VARIABLES, `--file=${preamble}`, '--file=-'],
        env: toRestoreEnvironment(withDatabase(target.connection, database), identity, {
          lock_timeout: `${request.lockTimeoutMs}ms`,
          // Notices and warnings quote, and everything that is left is an error.
          client_min_messages: 'error',
        }),
      },
    ],
    { signal, onStderrLine },
  );
  chain.stdout.resume();
  try {
    await chain.ended;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw toFailure(complaints.fatal, request) ?? withoutRows(error);
  }
}

/** SQLSTATE comes with every error; the first one ends psql. */
const VARIABLES = ['--set=ON_ERROR_STOP=1', '--set=VERBOSITY=verbose'];

function toPreamble({ lock, identity, quiet, statements }: InPlaceRequest): string {
  const all = [sql`BEGIN`, ...quiet, ...fenceStatements(lock, identity), ...statements];
  return all.map(({ text }) => `${text};\n`).join('');
}

/**
 * pg_restore begins its script by switching off every timeout, ours for locks too, and by a parameter that older servers do not know.
 * Only its header is touched: data begins later.
 */
function toHeaderFilter(serverMajor: number): string {
  const unknown = serverMajor < 17 ? '|transaction_timeout' : '';
  const names = `lock_timeout|client_min_messages${unknown}`.replaceAll('|', '\\|');
  return `1,/^SET row_security = /{/^SET \\(${names}\\) = /d;}`;
}

/**
 * Where a view is archived in two halves, `--clean` first replaces it by a placeholder of the archive's columns. Our preamble has dropped
 * the view already, and the types of those columns with it. Only the drops are touched: they come before the first comment on an entry.
 */
const PLACEHOLDER_FILTER = '1,/^-- \\(Data for \\)\\?Name: /{/^CREATE OR REPLACE VIEW .* AS$/,/;$/d;}';

function toFailure([first]: readonly Complaint[], { database }: InPlaceRequest): AppError | undefined {
  if (first === undefined) return undefined;
  const code = toCode(first);
  // A connection that breaks in COMMIT leaves it open whether the server heard of it.
  const state =
    code === 'postgres.unreachable'
      ? `database "${database}" is as it was before, or restored`
      : `database "${database}" is as it was before`;
  const hint = HINTS[first.state ?? ''] ?? (code === 'restore.failed' ? NAMES_ONE : undefined);
  return new AppError(
    code,
    `${first.message}; ${state}`,
    { database, sqlState: first.state ?? null },
    hint === undefined ? {} : { hint },
  );
}

/** The transaction ends at its first error: what else would fail, only a restore shows that goes on after one. */
const NAMES_ONE =
  'This is the first object that fails; there may be more. Restore with --strategy new to another database: it goes on and names them.';

const HINTS: Readonly<Record<string, string>> = {
  '53200':
    'One transaction needs a lock for every object: raise `max_locks_per_transaction` on the server, or restore with --strategy new.',
};

const BY_STATE: Readonly<Record<string, Code>> = { [FENCED]: 'claim.lost', '2BP01': 'restore.blocked' };

function toCode({ state, message }: Complaint): Code {
  if (state !== undefined) return BY_STATE[state] ?? toCodeOfState(state) ?? 'restore.failed';
  return /^(connection to server|server closed the connection)/.test(message)
    ? 'postgres.unreachable'
    : 'restore.failed';
}
