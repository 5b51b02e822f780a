import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FACTS_NAME, type Manifest, type ManifestObject, type OpenManifest } from '#common/contracts/manifest.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import { dropScratches, findDatabaseOid } from '#common/engines/postgres/restore/restore-database.js';
import {
  type RoleStatements,
  toRoleStatements,
  toWithheldRights,
} from '#common/engines/postgres/restore/restore-globals.js';
import { subscriptionsOf } from '#common/engines/postgres/restore/restore-left-out.js';
import { type LockOptions, lockDatabase } from '#common/engines/postgres/restore/restore-lock.js';
import type { RestorePlan } from '#common/engines/postgres/restore/restore-plan.js';
import { previewRestore } from '#common/engines/postgres/restore/restore-preview.js';
import { createRoles, withoutAbsentGroups } from '#common/engines/postgres/restore/restore-roles.js';
import { roleSettingStatements, withheldSettings } from '#common/engines/postgres/restore/restore-settings.js';
import { findRestoreTools } from '#common/engines/postgres/restore/restore-tools.js';
import { AppError } from '#common/errors/app-error.js';
import { assertNotRefused } from '#common/errors/refusals.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { endRestore } from './end-restore.js';
import { type HoldWorkOptions, holdWork } from './hold-work.js';
import { openManifest } from './open-manifest.js';
import { type Remember, type RestoreFindings, rememberHere } from './restore-findings.js';
import type { RestoreOrder, RestoreProgress, SealedRestoreOrder } from './restore-order.js';
import { intoExisting, intoNew } from './restore-strategies.js';
import { removeSpoolFolders, withSpoolFolder } from './spool-folder.js';
import { spoolObject } from './spool-object.js';

export interface RestoreDeps {
  readonly repository: BackupRepository;
  readonly tools: PgTools;
  /** Holds the uncompressed archive while it is restored. Default: the system's temporary directory. */
  readonly workDirectory?: string | undefined;
  /** in-place: dumps the target before anything is touched and tells the id; undefined when declined. */
  readonly takeSafetyDump?: (() => Promise<string>) | undefined;
  /** in-place: an earlier attempt took it, so the target need not be fit for another one. */
  readonly isSafetyDumpTaken?: boolean;
  readonly onProgress?: (progress: RestoreProgress) => void;
  /** in-place: how long the locks of other sessions are waited for. Default one minute. */
  readonly lockTimeoutMs?: number | undefined;
  readonly onUnheld?: HoldWorkOptions['onUnheld'];
  /** Whether another run is over: its sessions, if it has left any, are ended instead of being waited for. */
  readonly isOver?: LockOptions['isOver'];
  /** Throws when the run is not ours any more. Asked with the lock in hand: whoever takes the run from us from then on finds our sessions. */
  readonly assertHeld?: () => Promise<void>;
  /** Default: as long as the process lives. */
  readonly remember?: Remember | undefined;
}

export interface RestoreOutcome extends Omit<RestoreFindings, 'databaseOid'> {
  /** Of the backup and in no restored database: its subscriptions. */
  readonly leftOut: readonly string[];
  /** Settings of the database whose values no backup holds: an operator sets them. */
  readonly withheldSettings: string[];
  /** in-place: in the database, but not in the backup; left as they were. */
  readonly newerObjects: readonly string[];
  readonly safetyBackupId: string | null;
}

/**
 * Restores one backup, which a hold keeps meanwhile, into one database. In this order: refusals, every object's digest,
 * what is going to be done written down, safety dump, roles, and only then the first statement that destroys anything. Never half there: `new` gets its name when it is whole, `in-place` is one transaction.
 * An attempt after a crash finds what the earlier one finished. Throws: restore.*, backup.corrupt, postgres.*, repository.*, engine.*;
 * claim.lost when a later attempt took over; backup.expiring; the abort reason.
 */
export async function restoreBackup(
  sealed: SealedRestoreOrder,
  d: RestoreDeps,
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  const order = { ...sealed, manifest: await openManifest(sealed.manifest, d.repository, signal) };
  const { dataset, backupId } = order.manifest;
  const work = { dataset, backupId, kind: 'restore' as const, runId: order.identity.runId };
  return holdWork(d.repository, work, { signal, onUnheld: d.onUnheld }, () => restoreHeld(order, d, signal));
}

async function restoreHeld(order: RestoreOrder, d: RestoreDeps, signal: AbortSignal): Promise<RestoreOutcome> {
  const { target, database, identity } = order;
  const lock = await lockDatabase(target, database, identity, { signal, isOver: d.isOver });
  // Without its lock nobody keeps another restore out of the database.
  const lost = new AbortController();
  void lock.whenLost.then((error) => lost.abort(error));
  try {
    await d.assertHeld?.();
    const { remember = rememberHere() } = d;
    return await restoreLocked(order, { ...d, lock, remember }, AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    await lock.close();
    // A COMMIT may be on its way: nobody is told of a failure while it can still arrive.
    await endRestore(target, identity, AbortSignal.timeout(TIDY_MS)).catch(() => undefined);
    throw error;
  } finally {
    await lock.close();
  }
}

/** How long an attempt that failed or was stopped may tidy up; what it leaves, others end. */
const TIDY_MS = 10_000;

interface LockedDeps extends RestoreDeps {
  readonly lock: PgSession;
  readonly remember: Remember;
}

async function restoreLocked(order: RestoreOrder, d: LockedDeps, signal: AbortSignal): Promise<RestoreOutcome> {
  const { target, database, identity, strategy, manifest } = order;
  const { databaseOid, ...earlier } = await d.remember({});
  if (databaseOid !== null && databaseOid === (await findDatabaseOid(d.lock, database)))
    return adopt(order, earlier, d);
  const safetyDump = d.takeSafetyDump !== undefined && d.isSafetyDumpTaken !== true;
  const plan = await previewRestore({ ...order, safetyDump }, d.tools, signal);
  assertNotRefused(plan.refusals, `target "${target.name}"`);
  const tools = await findRestoreTools({ manifest, target, serverMajor: d.lock.serverMajor }, d.tools, signal);
  return withSpoolFolder(d.workDirectory, identity, async (folder) => {
    const archive = await spoolAll(manifest, folder, d, signal);
    const roles = await readMissingRoles(plan, folder, d.lock);
    const { missingRoles: createdRoles, dropped: droppedObjects } = plan;
    const withheldRights = toWithheldRights(roles);
    const { databaseOid: _, ...known } = await d.remember({ createdRoles, droppedObjects, withheldRights });
    const safetyBackupId = strategy === 'in-place' ? ((await d.takeSafetyDump?.()) ?? null) : null;
    await bringRoles(roles, manifest, d.lock);
    const { lock, remember, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS, onProgress = () => undefined } = d;
    const restore = strategy === 'new' ? intoNew : intoExisting;
    const harmlessErrors = await restore(order, { archive, lock, remember, tools, lockTimeoutMs, onProgress }, signal);
    return { ...known, ...toRemarks(manifest), harmlessErrors, newerObjects: plan.newer, safetyBackupId };
  });
}

/** Somebody's open transaction may hold a lock that a DROP needs; waiting forever would look like progress. */
const DEFAULT_LOCK_TIMEOUT_MS = 60_000;

/** An earlier attempt finished the database and could not say so any more. */
async function adopt(
  { manifest, identity }: RestoreOrder,
  known: Omit<RestoreFindings, 'databaseOid'>,
  d: LockedDeps,
): Promise<RestoreOutcome> {
  await dropScratches(d.lock, identity);
  await removeSpoolFolders(d.workDirectory, identity);
  return { ...known, ...toRemarks(manifest), newerObjects: [], safetyBackupId: null };
}

const toRemarks = ({ snapshot }: OpenManifest): Pick<RestoreOutcome, 'withheldSettings' | 'leftOut'> => ({
  withheldSettings: withheldSettings(snapshot),
  leftOut: subscriptionsOf(snapshot),
});

const ARCHIVE = 'database.dump';
const GLOBALS = 'globals.sql';

/** Every object is fetched and digested, also those that this restore does not need: a backup is whole or it is not used. */
async function spoolAll(manifest: Manifest, folder: string, d: RestoreDeps, signal: AbortSignal): Promise<string> {
  const totalBytes = manifest.objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const keyring = await Keyring.of(d.repository);
  let done = 0;
  for (const object of manifest.objects) {
    const onBytes = (bytes: number): void => d.onProgress?.({ stage: 'spool', bytes: done + bytes, totalBytes });
    await spoolObject(object, d.repository, toFile(folder, object), { signal, keyring, onBytes });
    done += object.sizeBytes;
  }
  return join(folder, ARCHIVE);
}

/** Names come from a manifest, which anybody may have written who can write to the repository: only known ones become files. */
function toFile(folder: string, { name, key }: ManifestObject): string {
  const plain = name.replace(/(\.zst)?(\.age)?$/, '');
  if ([ARCHIVE, GLOBALS, FACTS_NAME].includes(plain)) return join(folder, plain);
  throw new AppError('backup.corrupt', `object ${key} has a name that no backup of this kind has`, { key, name });
}

/** As the backup's own globals describe them. */
async function readMissingRoles(
  { missingRoles }: RestorePlan,
  folder: string,
  session: PgSession,
): Promise<RoleStatements[]> {
  if (missingRoles.length === 0) return [];
  const globals = await readFile(join(folder, GLOBALS), 'utf8');
  return withoutAbsentGroups(session, toRoleStatements(globals, missingRoles, session.serverMajor));
}

async function bringRoles(
  roles: readonly RoleStatements[],
  { snapshot }: OpenManifest,
  session: PgSession,
): Promise<void> {
  if (roles.length === 0) return;
  const names = roles.map(({ name }) => name);
  await createRoles(session, roles, roleSettingStatements(snapshot, names));
}
