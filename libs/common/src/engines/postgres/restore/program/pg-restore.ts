import { writeFile } from 'node:fs/promises';
import type { AttemptIdentity } from '#common/engines/engine.js';
import { ANSWERS_TAKEN, KEEPALIVES } from '#common/engines/postgres/pg-liveness.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import { toConnInfo, toPgEnvironment } from '#common/pg/environment.js';
import { runCommand } from '#common/process/run-command.js';
import { type ArchivedSchema, splitRestoreList, toRestoreList, withEntries } from '../preparation/toc.js';
import { toRestoreName } from '../sessions.js';
import { type Complaint, Complaints } from './errors.js';
import { isRefusedRow, toRestoreFailure } from './failure.js';

export interface PgRestoreRequest {
  readonly tools: PgToolset;
  /** An uncompressed archive in custom format on this machine: parallel jobs need to seek. */
  readonly archive: string;
  readonly database: string;
  readonly identity: AttemptIdentity;
  /** Schemas of the archive that are there already. */
  readonly presentSchemas: readonly ArchivedSchema[];
  /** The server has none but its own: what was in others goes there. */
  readonly hasTablespaces: boolean;
  readonly serverMajor: number;
  /** Ids of the entries that are restored; undefined: all of them. */
  readonly entries?: ReadonlySet<number> | undefined;
}

/**
 * Fills an empty database from an archive, with parallel jobs, and returns the complaints that are known to be harmless.
 * Throws: restore.failed with the fatal complaints (`hasRefusedRows`: `fillInOrder` may succeed); engine.spawn; the abort reason.
 */
export async function fillDatabase(
  request: PgRestoreRequest,
  target: PostgresTarget,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const jobs = isOlderServer(request) ? 1 : target.jobs;
  if (jobs === 1) return fillInOrder(request, target, signal);
  const list = await readRestoreList(request, signal);
  const { early, late } = splitRestoreList(list);
  const first = await runPart(request, { list: early, jobs }, { target, signal });
  if (first.fatal.some(isRefusedRow))
    throw toRestoreFailure(first.fatal, { list, unkept: first.unkept, isParallel: true });
  if (late === '') return toHarmless([first], list);
  return toHarmless([first, await runPart(request, { list: late, jobs: 1 }, { target, signal })], list);
}

/** The same with one job, in the archive's own order: a constraint may call a function that reads another table. */
export async function fillInOrder(
  request: PgRestoreRequest,
  target: PostgresTarget,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const list = await readRestoreList(request, signal);
  return toHarmless([await runPart(request, { list, jobs: 1 }, { target, signal })], list);
}

/** Throws restore.failed when one of the parts has failed. */
function toHarmless(parts: readonly PartEnd[], list: string): readonly string[] {
  const failed = parts.some(({ hasFailed }) => hasFailed);
  const fatal = parts.flatMap((part) => part.fatal);
  const unkept = parts.reduce((sum, part) => sum + part.unkept, 0);
  if (failed) throw toRestoreFailure(fatal, { list, unkept, isParallel: false });
  return parts.flatMap(({ harmless }) => harmless);
}

/** pg_restore 17 and newer then complains in every session, and only the complaints of a single job are certain to be in order. */
const isOlderServer = ({ tools, serverMajor }: PgRestoreRequest): boolean => tools.major >= 17 && serverMajor < 17;

interface PartEnd {
  readonly hasFailed: boolean;
  readonly fatal: readonly Complaint[];
  readonly unkept: number;
  readonly harmless: readonly string[];
}

/** pg_restore goes on after an error: the result holds the complaints that come after it as well. */
async function runPart(
  request: PgRestoreRequest,
  part: { readonly list: string; readonly jobs: number },
  { target, signal }: { readonly target: PostgresTarget; readonly signal: AbortSignal },
): Promise<PartEnd> {
  const complaints = new Complaints();
  const list = await writeRestoreList(request, part.list);
  // Only then it says which entry an error is about; lines of several jobs would be mixed up.
  const verbose = part.jobs === 1 ? ['--verbose'] : [];
  const into = [`--dbname=${toConnInfo(request.database)}`, `--jobs=${part.jobs}`, ...verbose];
  const command = {
    program: request.tools.path('pg_restore'),
    args: [...into, ...toCommonArgs(request, target, list)],
    env: toRestoreEnvironment(withDatabase(target.connection, request.database), request.identity),
  };
  const onStderrLine = (line: string): void => complaints.read(line);
  const end = await runCommand(command, { signal, acceptExitCodes: [0, 1], onStderrLine }).catch((error) => {
    throw withoutRows(error);
  });
  const hasFailed = end.exitCode !== 0 && !complaints.areAllHarmless;
  const { fatal, unkept, harmless } = complaints;
  return { hasFailed, fatal, unkept, harmless };
}

/** What of the archive is to be restored, in pg_restore's own form. */
export async function readRestoreList(
  { tools, archive, presentSchemas, entries }: PgRestoreRequest,
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await runCommand({ program: tools.path('pg_restore'), args: ['--list', archive] }, { signal });
  return toRestoreList(entries === undefined ? stdout : withEntries(stdout, entries), presentSchemas);
}

export async function writeRestoreList({ archive }: PgRestoreRequest, list: string): Promise<string> {
  const file = `${archive}.list`;
  await writeFile(file, list);
  return file;
}

/**
 * What every use of an archive has in common; the archive's path comes last. With row security switched on, a materialized view is
 * filled with what its owner sees, as it was at the source, and not refused.
 */
export function toCommonArgs(
  { archive, hasTablespaces }: PgRestoreRequest,
  { privileges, owner }: PostgresTarget,
  list: string,
): string[] {
  return [
    '--no-password',
    '--enable-row-security',
    ...(hasTablespaces ? [] : ['--no-tablespaces']),
    `--use-list=${list}`,
    ...(privileges === 'keep' ? [] : ['--no-owner', '--no-privileges']),
    ...(privileges === 'drop' && owner !== undefined ? [`--role=${owner}`] : []),
    archive,
  ];
}

/** Whatever the role or the database have set, a restore may take its time. A backend whose client is gone gives up. */
export function toRestoreEnvironment(
  connection: PgConnection,
  identity: AttemptIdentity,
  settings: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const options = {
    statement_timeout: '0',
    idle_in_transaction_session_timeout: '0',
    client_connection_check_interval: '5s',
    ...KEEPALIVES,
    ...ANSWERS_TAKEN,
    ...settings,
  };
  return {
    ...toPgEnvironment(connection, toRestoreName(identity), options),
    // psql would take our statements for text in the database's own encoding.
    PGCLIENTENCODING: 'UTF8',
  };
}

const WITHOUT_STDERR =
  'What the program said may quote rows, so nothing of it is kept: read the log of the PostgreSQL server of the target at that time, then run `holdfast check`.';

/** stderr of a restoring child may quote rows: it stays here. */
export function withoutRows(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'engine.exit') return error;
  const { program, exitCode, signal } = error.context;
  const how = signal ? `signal ${toText(signal)}` : `exit code ${toText(exitCode)}`;
  const context = { program, exitCode, signal };
  return new AppError('engine.exit', `${toText(program)} ended with ${how}`, context, { hint: WITHOUT_STDERR });
}
