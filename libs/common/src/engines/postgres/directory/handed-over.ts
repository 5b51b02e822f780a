import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { giveTo, ownerFor } from '#common/engines/postgres/pitr/ownership.js';
import { findRecoveryTools } from '#common/engines/postgres/pitr/recover.js';
import { ISOLATED } from '#common/engines/postgres/pitr/recovery-settings.js';
import {
  ScratchServer,
  type Socket,
  toArguments,
  toCapacity,
  toPlaces,
  writeServerFiles,
} from '#common/engines/postgres/pitr/scratch-server.js';
import { dataDirectoryIn, findServer } from '#common/engines/postgres/pitr/stage.js';
import { AppError } from '#common/errors/app-error.js';
import { quoteArgument } from '#common/process/command.js';
import { PARENT_MARK } from '#common/process/parent-mark.js';
import { runCommand } from '#common/process/run-command.js';
import { type DirectoryTarget, folderOf } from './directory-target.js';

/** A cluster that was put in its place. */
export interface HandedOver {
  readonly target: DirectoryTarget;
  readonly destination: string;
  readonly facts: BaseFacts;
}

/** Where the socket of a server lies that is left running. */
export const socketFolderOf = (target: DirectoryTarget, destination: string): string =>
  join(folderOf(target, destination), 'server');

/** What the path of a socket may have. */
export const isSocketReachable = (folder: string): boolean => Buffer.byteLength(join(folder, '.s.PGSQL.5432')) <= 107;

/**
 * Starts the server that is left running, unless one runs. It belongs to no other process: it goes on when the executor ends. Only its socket
 * reaches it, and it reaches out to nothing. Throws: postgres.tool-missing, recovery.failed; engine.*.
 */
export async function startHandedOver({ target, destination, facts }: HandedOver, signal: AbortSignal): Promise<void> {
  const folder = folderOf(target, destination);
  const directory = dataDirectoryIn(folder);
  if ((await findServer(directory)) !== undefined) return;
  const places = socketFolderOf(target, destination);
  const owner = await ownerFor(folder);
  await mkdir(places, { recursive: true, mode: 0o700 });
  await giveTo(places, owner);
  await writeServerFiles(places, owner);
  const major = Math.floor(facts.serverVersionNum / 10_000);
  const toolset = await new PgTools().find(major, ['pg_ctl', 'postgres'], {
    directories: target.toolDirectories,
    signal,
  });
  // It is no recovery any more: rows that are dead are to go.
  const settings = { ...toCapacity(facts), ...ISOLATED, autovacuum: 'on', ...toPlaces(places) };
  const options = toArguments(settings).map(quoteArgument).join(' ');
  const log = join(places, 'log');
  const start = ['start', '--wait', '--silent', `--pgdata=${directory}`, `--log=${log}`, `--options=${options}`];
  // Without the mark of this process: what bears it ends with it.
  const command = { program: 'env', args: ['-u', PARENT_MARK, toolset.path('pg_ctl'), ...start] };
  await runCommand({ ...command, cwd: folder, user: owner }, { signal }).catch(async (cause: unknown) => {
    signal.throwIfAborted();
    const said = (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
    const message = `the recovered server in ${directory} does not start: ${said.at(-1) ?? ''}`;
    throw new AppError('recovery.failed', message, { directory, said: said.slice(-20) }, { cause });
  });
}

/**
 * Lets `work` at the server over a recovered cluster: at the one that runs, or at one that runs for as long and that nothing else reaches.
 * Throws: recovery.stopped, recovery.failed; what `work` throws.
 */
export async function whileRunning<R>(
  { target, destination, facts }: HandedOver,
  signal: AbortSignal,
  work: (socket: Socket) => Promise<R>,
): Promise<R> {
  const directory = dataDirectoryIn(folderOf(target, destination));
  const running = await findSocket(directory);
  if (running !== undefined) return work(running);
  const version = await readFile(join(directory, 'PG_VERSION')).catch(() => undefined);
  if (version === undefined)
    throw new AppError('recovery.stopped', `this machine has no data directory ${directory} that can be read`);
  const owner = await ownerFor(directory);
  const toolset = await findRecoveryTools(facts, { toolDirectories: target.toolDirectories }, signal);
  const server = await ScratchServer.start({ directory, facts, toolset, owner, settings: {}, signal });
  try {
    await (await server.open()).close();
    return await work(server.socket);
  } finally {
    await server.stop();
  }
}

/** Where the server over a data directory listens, as it says itself. Source: PostgreSQL "Database File Layout", postmaster.pid. */
async function findSocket(directory: string): Promise<Socket | undefined> {
  if ((await findServer(directory)) === undefined) return undefined;
  const lines = (await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n');
  const [port, folder] = [Number(lines[3]), lines[4]];
  return folder === undefined || folder === '' ? undefined : { folder, port };
}
