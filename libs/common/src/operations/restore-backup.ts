import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest, ManifestObject } from '../contracts/manifest.js';
import { withDatabase } from '../engines/postgres/pg-connection.js';
import { runPgRestore } from '../engines/postgres/pg-restore.js';
import type { PgSession } from '../engines/postgres/pg-session.js';
import type { PgTools } from '../engines/postgres/pg-tools.js';
import type { PostgresTarget } from '../engines/postgres/postgres-dataset.js';
import {
  analyze,
  createExtensions,
  createScratch,
  dropScratches,
  isOwnResult,
  publishScratch,
} from '../engines/postgres/restore-database.js';
import { lockDatabase, type RestoreIdentity } from '../engines/postgres/restore-lock.js';
import type { RestorePlan } from '../engines/postgres/restore-plan.js';
import { previewRestore } from '../engines/postgres/restore-preview.js';
import { createRoles, toRoleStatements } from '../engines/postgres/restore-roles.js';
import { AppError } from '../errors/app-error.js';
import type { BackupRepository } from '../repository/backup-repository.js';
import { spoolObject } from './spool-object.js';

export interface RestoreOrder {
  readonly manifest: Manifest;
  readonly target: PostgresTarget;
  readonly database: string;
  readonly strategy: 'new' | 'in-place';
  readonly identity: RestoreIdentity;
}

export interface RestoreProgress {
  readonly stage: 'spool' | 'restore' | 'analyze';
  readonly bytes: number;
  readonly totalBytes: number | null;
}

export interface RestoreDeps {
  readonly repository: BackupRepository;
  readonly tools: PgTools;
  /** Holds the uncompressed archive while it is restored. Default: the system's temporary directory. */
  readonly workDirectory?: string | undefined;
  /** in-place: dumps the target before anything is touched and tells the id; undefined when declined. */
  readonly takeSafetyDump?: (() => Promise<string>) | undefined;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

export interface RestoreOutcome {
  readonly harmlessErrors: readonly string[];
  readonly createdRoles: readonly string[];
  /** in-place: in the database, but not in the backup; left as they were. */
  readonly newerObjects: readonly string[];
  readonly safetyBackupId: string | null;
}

/**
 * Restores one backup into one database. In this order: refusals, every object's digest, roles, safety dump, and only then the first
 * statement that destroys anything. Never half there: `new` gets its name when it is whole, `in-place` is one transaction.
 * An attempt after a crash finds what the earlier one finished. Throws: restore.*, backup.corrupt, postgres.*, repository.*.
 */
export async function restoreBackup(order: RestoreOrder, d: RestoreDeps, signal: AbortSignal): Promise<RestoreOutcome> {
  const { target, database, identity } = order;
  const lock = await lockDatabase(target.connection, database, identity, signal);
  const folder = await mkdtemp(join(d.workDirectory ?? tmpdir(), 'holdfast-restore-'));
  try {
    if (order.strategy === 'new' && (await isOwnResult(lock, database, identity))) return nothingLeftToDo;
    const plan = await previewRestore(order, signal);
    assertPossible(plan, target);
    const archive = await spoolAll(order.manifest, folder, d, signal);
    const createdRoles = await bringRoles(plan, folder, lock);
    const safetyBackupId = order.strategy === 'in-place' ? ((await d.takeSafetyDump?.()) ?? null) : null;
    const restore = order.strategy === 'new' ? restoreNew : restoreInPlace;
    const harmlessErrors = await restore(order, { archive, lock, ...d }, signal);
    const newerObjects = order.strategy === 'in-place' ? plan.newer : [];
    return { harmlessErrors, createdRoles, newerObjects, safetyBackupId };
  } finally {
    await lock.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const nothingLeftToDo: RestoreOutcome = {
  harmlessErrors: [],
  createdRoles: [],
  newerObjects: [],
  safetyBackupId: null,
};

function assertPossible(plan: RestorePlan, target: PostgresTarget): void {
  const [first] = plan.refusals;
  if (first === undefined) return;
  const context = { refusals: plan.refusals.slice(0, 20) };
  if (plan.strategy === 'new' && plan.databaseExists) throw new AppError('restore.database-exists', first, context);
  if (plan.strategy === 'in-place' && !plan.databaseExists)
    throw new AppError('restore.database-missing', first, context);
  if (plan.missingRoles.length > 0 && target.missingRoles === 'refuse') {
    throw new AppError(
      'restore.roles-missing',
      `target "${target.name}" lacks the roles ${plan.missingRoles.join(', ')}`,
      context,
    );
  }
  throw new AppError('restore.blocked', plan.refusals.join('; '), context);
}

/** Every object is fetched and digested, also those that this restore does not need: a backup is whole or it is not used. */
async function spoolAll(manifest: Manifest, folder: string, d: RestoreDeps, signal: AbortSignal): Promise<string> {
  const totalBytes = manifest.objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  for (const object of manifest.objects) {
    const onBytes = (bytes: number): void => d.onProgress?.({ stage: 'spool', bytes: done + bytes, totalBytes });
    await spoolObject(object, d.repository, fileOf(folder, object), { signal, onBytes });
    done += object.sizeBytes;
  }
  return join(folder, 'database.dump');
}

const fileOf = (folder: string, { name }: ManifestObject): string => join(folder, name.replace(/\.zst$/, ''));

async function bringRoles(plan: RestorePlan, folder: string, session: PgSession): Promise<readonly string[]> {
  if (plan.missingRoles.length === 0) return [];
  const globals = await readFile(join(folder, 'globals.sql'), 'utf8');
  await createRoles(session, toRoleStatements(globals, plan.missingRoles));
  return plan.missingRoles;
}

interface RestoreTools extends RestoreDeps {
  readonly archive: string;
  readonly lock: PgSession;
}

async function restoreNew(order: RestoreOrder, d: RestoreTools, signal: AbortSignal): Promise<readonly string[]> {
  const { manifest, target, identity, database } = order;
  const { snapshot } = manifest;
  const scratch = await createScratch(d.lock, snapshot, target, identity);
  const connection = withDatabase(target.connection, scratch);
  try {
    await createExtensions(connection, snapshot, signal, identity);
    const stopCounting = countRestoredBytes(d, scratch, signal);
    const harmless = await pgRestore(order, d, { database: scratch, signal }).finally(stopCounting);
    d.onProgress?.({ stage: 'analyze', bytes: 0, totalBytes: null });
    await analyze(connection, scratch, identity, signal);
    await publishScratch(d.lock, { scratch, database }, snapshot, identity);
    return harmless;
  } catch (error) {
    if (!signal.aborted) await dropScratches(d.lock, identity).catch(() => undefined);
    throw error;
  }
}

async function restoreInPlace(order: RestoreOrder, d: RestoreTools, signal: AbortSignal): Promise<readonly string[]> {
  const { target, database, identity } = order;
  const stopCounting = countRestoredBytes(d, database, signal);
  const harmless = await pgRestore(order, d, { database, signal }).finally(stopCounting);
  d.onProgress?.({ stage: 'analyze', bytes: 0, totalBytes: null });
  await analyze(target.connection, database, identity, signal);
  return harmless;
}

async function pgRestore(
  { manifest, target, strategy, identity }: RestoreOrder,
  d: RestoreTools,
  { database, signal }: { database: string; signal: AbortSignal },
): Promise<readonly string[]> {
  // An archive is read by its own version of pg_restore or a newer one, whatever the server's version.
  const dumpedBy = Number(/ (\d+)/.exec(manifest.tools['pg_dump'] ?? '')?.[1] ?? 0);
  const major = Math.max(d.lock.serverMajor, dumpedBy);
  const tools = await d.tools.find(major, ['pg_restore'], { directories: target.toolDirectories, signal });
  return runPgRestore(
    { program: tools.path('pg_restore'), archive: d.archive, database, strategy, identity },
    target,
    signal,
  );
}

const COUNT_EVERY_MS = 1_000;

/** The size of the growing database is the honest measure; how large it will be, nobody knows. */
function countRestoredBytes({ lock, onProgress }: RestoreTools, database: string, signal: AbortSignal): () => void {
  const timer = setInterval(() => {
    if (signal.aborted) return;
    lock
      .queryOne<{ bytes: string }>('SELECT pg_database_size($1) AS bytes', [database])
      .then(({ bytes }) => onProgress?.({ stage: 'restore', bytes: Number(bytes), totalBytes: null }))
      .catch(() => undefined);
  }, COUNT_EVERY_MS);
  return () => clearInterval(timer);
}
