import { writeFile } from 'node:fs/promises';
import { AppError } from '../../errors/app-error.js';
import { runCommand } from '../../process/run-command.js';
import { type PgConnection, withDatabase } from './pg-connection.js';
import { toPgEnvironment } from './pg-environment.js';
import type { PgToolset } from './pg-tools.js';
import type { PostgresTarget } from './postgres-dataset.js';
import { Complaints } from './restore-errors.js';
import { type RestoreIdentity, toRestoreName } from './restore-lock.js';
import { toConnInfo } from './restore-sql.js';
import { toRestoreList } from './restore-toc.js';

export interface PgRestoreRequest {
  readonly tools: PgToolset;
  /** An uncompressed archive in custom format on this machine: parallel jobs need to seek. */
  readonly archive: string;
  readonly database: string;
  readonly identity: RestoreIdentity;
  /** Schemas that are there already. */
  readonly presentSchemas: readonly string[];
}

/**
 * Fills an empty database from an archive, with parallel jobs, and returns the complaints that are known to be harmless.
 * Throws: restore.failed with the first fatal complaints; engine.spawn; the abort reason.
 */
export async function fillDatabase(
  request: PgRestoreRequest,
  target: PostgresTarget,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const complaints = new Complaints();
  const command = {
    program: request.tools.path('pg_restore'),
    args: [
      `--dbname=${toConnInfo(request.database)}`,
      `--jobs=${target.jobs}`,
      ...(await toCommonArgs(request, target, signal)),
    ],
    env: toRestoreEnvironment(withDatabase(target.connection, request.database), request.identity),
  };
  const onStderrLine = (line: string): void => complaints.read(line);
  const end = await runCommand(command, { signal, acceptExitCodes: [0, 1], onStderrLine }).catch((error) => {
    throw withoutRows(error);
  });
  if (end.exitCode === 0 || complaints.areAllHarmless) return complaints.harmless;
  const errors = complaints.fatal.map(({ message }) => message).slice(0, 20);
  const first = errors[0] ?? 'pg_restore failed without naming an error';
  throw new AppError('restore.failed', `${first}; the unfinished database was dropped`, { errors });
}

/** What every use of an archive has in common; the archive's path comes last. */
export async function toCommonArgs(
  { tools, archive, presentSchemas }: PgRestoreRequest,
  { privileges, owner }: PostgresTarget,
  signal: AbortSignal,
): Promise<string[]> {
  const list = `${archive}.list`;
  const command = { program: tools.path('pg_restore'), args: ['--list', archive] };
  const { stdout } = await runCommand(command, { signal });
  await writeFile(list, toRestoreList(stdout, presentSchemas));
  return [
    '--no-password',
    `--use-list=${list}`,
    ...(privileges === 'keep' ? [] : ['--no-owner', '--no-privileges']),
    ...(privileges === 'drop' && owner !== undefined ? [`--role=${owner}`] : []),
    archive,
  ];
}

/** Whatever the role or the database have set, a restore may take its time. A backend whose client is gone gives up. */
export function toRestoreEnvironment(
  connection: PgConnection,
  identity: RestoreIdentity,
  settings: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const options = {
    statement_timeout: '0',
    idle_in_transaction_session_timeout: '0',
    client_connection_check_interval: '5s',
    ...settings,
  };
  return {
    ...toPgEnvironment(connection, toRestoreName(identity)),
    PGOPTIONS: Object.entries(options)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  };
}

/** stderr of a restoring child may quote rows: it stays here. */
export function withoutRows(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'engine.exit') return error;
  const { program, exitCode, signal } = error.context;
  const how = signal ? `signal ${String(signal)}` : `exit code ${String(exitCode)}`;
  return new AppError('engine.exit', `${String(program)} ended with ${how}`, { program, exitCode, signal });
}
