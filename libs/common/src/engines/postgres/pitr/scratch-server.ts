import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import { AppError } from '#common/errors/app-error.js';
import { type PgConnection, parsePgUrl } from '#common/pg/connection.js';
import type { SystemUser } from '#common/process/command.js';
import { isKnownDead } from '#common/process/orphans.js';
import { PARENT_MARK, toParentMark } from '#common/process/parent-mark.js';
import { SupervisedChild } from '#common/process/supervised-child.js';
import { giveTo } from './ownership.js';
import { ISOLATED } from './recovery-settings.js';

export interface ScratchServerOptions {
  readonly directory: string;
  readonly facts: BaseFacts;
  readonly toolset: PgToolset;
  readonly owner: SystemUser | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const PORT = 5432;
const POLL_MS = 100;
const SOCKET_FOLDER = join(tmpdir(), 'holdfast-pg-');
/** Whether a scratch server, alive or not, was given the folder. */
export const isSocketFolder = (folder: string): boolean =>
  /^[^/]+$/.test(folder.slice(SOCKET_FOLDER.length)) && folder.startsWith(SOCKET_FOLDER);
/** Of a socket folder: names the process that made it, by its mark. */
const STARTER = 'starter';
/** A folder without it is of a process that died at once, or is about to write it. */
const NAMELESS_AFTER_MS = 3_600_000;

/** Removes what scratch servers of this machine have left whose starters are dead. Returns the folders. */
export async function sweepSocketFolders(): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const folder = join(tmpdir(), name);
    if (!isSocketFolder(folder) || !(await isLeft(folder))) continue;
    const isGone = await rm(folder, { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
    if (isGone) removed.push(folder);
  }
  return removed;
}

async function isLeft(folder: string): Promise<boolean> {
  const starter = await readFile(join(folder, STARTER), 'utf8').catch(() => '');
  if (starter !== '') return isKnownDead(starter);
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > NAMELESS_AFTER_MS;
}

/** A shutdown writes everything out. */
const STOP_MS = 120_000;

/**
 * A server over a data directory that only we reach: through a socket in a folder of our own, with rules and settings of our own. Nothing
 * in the directory can make it archive, replicate, subscribe or listen.
 */
export class ScratchServer {
  private readonly complaints: string[] = [];
  private readonly child: SupervisedChild;

  private constructor(
    private readonly o: ScratchServerOptions,
    private readonly folder: string,
  ) {
    const settings = { ...toCapacity(o.facts), ...ISOLATED, ...o.settings, ...toPlaces(folder) };
    const args = ['-D', o.directory, ...toArguments(settings)];
    const command = { program: o.toolset.path('postgres'), args, cwd: o.directory, user: o.owner };
    this.child = new SupervisedChild(command, {
      stdin: 'ignore',
      killAfterMs: STOP_MS,
      onStderrLine: (line) => this.complaints.push(line),
    });
    this.child.stdout.resume();
    o.signal.addEventListener('abort', this.onAbort, { once: true });
  }

  static async start(o: ScratchServerOptions): Promise<ScratchServer> {
    // Short: the path of a socket holds 107 bytes.
    const folder = await mkdtemp(SOCKET_FOLDER);
    await writeFile(join(folder, STARTER), toParentMark()[PARENT_MARK] ?? '', { mode: 0o600 });
    await giveTo(folder, o.owner);
    await writeServerFiles(folder, o.owner);
    return new ScratchServer(o, folder);
  }

  /** As the superuser that initdb made. */
  connectionTo(database: string): PgConnection {
    return toSocket(this.socket, this.o.facts, database);
  }

  get socket(): Socket {
    return { folder: this.folder, port: PORT };
  }

  /** Opens a session once the server takes any. Throws: recovery.failed with what the server said when it gives up. */
  async open(database = 'template1'): Promise<PgSession> {
    for (;;) {
      try {
        const { signal } = this.o;
        return await PgSession.open(this.connectionTo(database), { signal, applicationName: 'holdfast recovery' });
      } catch (error) {
        this.o.signal.throwIfAborted();
        if (!(error instanceof AppError) || error.code !== 'postgres.unreachable') throw error;
        await this.throwIfGone();
        await delay(POLL_MS, undefined, { signal: this.o.signal });
      }
    }
  }

  /** What it warned of, and why it ended. */
  get said(): readonly string[] {
    return this.complaints;
  }

  async throwIfGone(): Promise<void> {
    if (this.child.exitedAtMs === Number.POSITIVE_INFINITY) return;
    await this.child.ended;
    throw new AppError('recovery.failed', `the recovering server gave up: ${whyItGaveUp(this.complaints)}`, {
      directory: this.o.directory,
      said: this.complaints.slice(-20),
    });
  }

  /** A clean shutdown: the data directory is consistent afterwards. Idempotent. */
  async stop(): Promise<void> {
    this.o.signal.removeEventListener('abort', this.onAbort);
    // To the server alone, and not to its group: it tells its processes itself.
    if (this.child.exitedAtMs === Number.POSITIVE_INFINITY && this.child.pid !== undefined)
      process.kill(this.child.pid, 'SIGINT');
    const patience = setTimeout(() => this.child.stop(), STOP_MS);
    await this.child.ended.catch(() => undefined);
    clearTimeout(patience);
    await rm(this.folder, { recursive: true, force: true });
  }

  private readonly onAbort = (): void => this.child.stop();
}

/** "The database system is shutting down", "is in recovery mode": said to a session of ours, and no cause. */
const TO_A_SESSION = /FATAL: +the database system is /;

/** The last reason that a server told to end; a session that it refuses while it ends comes after that. */
export function whyItGaveUp(complaints: readonly string[]): string {
  const told = complaints.findLast((line) => /FATAL|PANIC/.test(line) && !TO_A_SESSION.test(line));
  return (told ?? complaints.at(-1) ?? '').replace(/^.*?(?=FATAL|PANIC)/, '');
}

export interface Socket {
  readonly folder: string;
  readonly port: number;
}

export const toSocket = (
  { folder, port }: Socket,
  { superuser }: Pick<BaseFacts, 'superuser'>,
  database: string,
): PgConnection =>
  parsePgUrl(
    `postgres://${encodeURIComponent(superuser)}@/${encodeURIComponent(database)}?host=${encodeURIComponent(folder)}&port=${port}`,
  );

/** What a server reads of a folder that only its user enters, instead of what lies in its data directory. */
export async function writeServerFiles(folder: string, owner: SystemUser | undefined): Promise<void> {
  for (const [name, text] of [
    ['server.conf', ''],
    ['ident.conf', ''],
    ['hba.conf', 'local all all trust\n'],
  ] as const) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    await giveTo(join(folder, name), owner);
  }
}

/** The source's own: lower ones would stop the recovery. */
export const toCapacity = ({ settings, segmentBytes }: BaseFacts): Record<string, string> => ({
  ...settings,
  // At least two segments each: the defaults are too little for large ones.
  min_wal_size: `${5 * Math.ceil(segmentBytes / 1_048_576)}MB`,
  max_wal_size: `${64 * Math.ceil(segmentBytes / 1_048_576)}MB`,
  shared_buffers: '128MB',
  hot_standby: 'on',
});

export const toPlaces = (folder: string): Record<string, string> => ({
  config_file: join(folder, 'server.conf'),
  hba_file: join(folder, 'hba.conf'),
  ident_file: join(folder, 'ident.conf'),
  unix_socket_directories: folder,
  port: String(PORT),
});

export const toArguments = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
