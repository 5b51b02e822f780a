import { writeFile } from 'node:fs/promises';
import { AppError } from '../../errors/app-error.js';
import { runCommand } from '../../process/run-command.js';
import { type PgConnection, withDatabase } from './pg-connection.js';
import { toPgEnvironment } from './pg-environment.js';
import type { PostgresTarget } from './postgres-dataset.js';
import { toComplaints } from './restore-errors.js';
import { type RestoreIdentity, toRestoreName } from './restore-lock.js';
import { toRestoreList } from './restore-toc.js';

export interface PgRestoreRequest {
  /** Path of pg_restore. */
  readonly program: string;
  /** An uncompressed archive in custom format on this machine: parallel jobs need to seek. */
  readonly archive: string;
  readonly database: string;
  readonly strategy: 'new' | 'in-place';
  readonly identity: RestoreIdentity;
}

/** Somebody's open transaction may hold a lock that a DROP needs; waiting forever would look like progress. */
const LOCK_TIMEOUT = '60s';

/**
 * Restores an archive into an existing database and returns the complaints that are known to be harmless.
 * `in-place` is one transaction: a refused DROP leaves the database exactly as it was. `new` runs parallel jobs.
 * Throws: restore.failed with the first fatal complaints.
 */
export async function runPgRestore(
  request: PgRestoreRequest,
  target: PostgresTarget,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const list = `${request.archive}.list`;
  const { program, archive } = request;
  const listing = await runCommand({ program, args: ['--list', archive] }, { signal });
  await writeFile(list, toRestoreList(listing.stdout));

  const stderr: string[] = [];
  const env = toRestoreEnvironment(withDatabase(target.connection, request.database), request.identity);
  const end = await runCommand(
    { program, args: toRestoreArgs(request, target, list), env },
    { signal, acceptExitCodes: [0, 1], onStderrLine: (line) => keepFirst(stderr, line) },
  );
  const { harmless, fatal } = toComplaints(stderr);
  if (fatal.length > 0 || (end.exitCode !== 0 && (request.strategy === 'in-place' || harmless.length === 0))) {
    throw toFailure(request, fatal, end.stderrTail);
  }
  return harmless;
}

const MAX_LINES = 2_000;
function keepFirst(lines: string[], line: string): void {
  if (lines.length < MAX_LINES) lines.push(line);
}

function toRestoreArgs(
  { database, strategy, archive }: PgRestoreRequest,
  target: PostgresTarget,
  list: string,
): string[] {
  return [
    `--dbname=${database}`,
    '--no-password',
    `--use-list=${list}`,
    ...(target.privileges === 'keep' ? [] : ['--no-owner', '--no-privileges']),
    ...(target.privileges === 'drop' && target.owner !== undefined ? [`--role=${target.owner}`] : []),
    ...(strategy === 'in-place' ? ['--clean', '--if-exists', '--single-transaction'] : [`--jobs=${target.jobs}`]),
    archive,
  ];
}

/** Whatever the role or the database have set, a restore may take its time; only for locks it does not wait forever. */
function toRestoreEnvironment(connection: PgConnection, identity: RestoreIdentity): Record<string, string> {
  return {
    ...toPgEnvironment(connection, toRestoreName(identity)),
    PGOPTIONS: `-c lock_timeout=${LOCK_TIMEOUT} -c statement_timeout=0 -c idle_in_transaction_session_timeout=0`,
  };
}

function toFailure({ database, strategy }: PgRestoreRequest, fatal: readonly string[], stderrTail: string): AppError {
  const state =
    strategy === 'in-place' ? `database "${database}" is as it was before` : 'the unfinished database was dropped';
  const first = fatal[0] ?? 'pg_restore failed without naming an error';
  const hint = /cannot drop .* because other objects depend on it/.test(first)
    ? 'Run `holdfast restore plan` to see what depends on the restored objects; drop or move it, then ask again.'
    : undefined;
  return new AppError(
    'restore.failed',
    `${first}; ${state}`,
    { errors: fatal.slice(0, 20), stderrTail },
    hint === undefined ? {} : { hint },
  );
}
