import { hostname } from 'node:os';
import type { BackupSession } from '#common/engines/engine.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { HOLD_LIVES_MS } from '#common/repository/expiry-marker.js';
import type { HeldBackup } from '#common/repository/holds.js';
import { inspectBackup } from '#common/repository/inspect-backup.js';
import { type KeptHold, keepHold } from '#common/repository/keep-hold.js';
import { newHoldName } from './hold-work.js';

interface Child {
  readonly dataset: { readonly name: string };
  readonly backupId: string;
  readonly runId: string;
  readonly repository: BackupRepository;
}

/**
 * A session whose backups that it builds on are held until it is closed, and for a hold's life after: by then the manifest names them, so
 * that every sweep that may delete one sees either. Closes the session where it fails. Throws: backup.missing, backup.damaged, backup.expiring
 * for one that is marked: a new backup does not build on what is about to go; repository.*.
 */
export async function holdNeeded<F>(
  session: BackupSession<F>,
  child: Child,
  signal: AbortSignal,
): Promise<Required<BackupSession<F>>> {
  const { needs = [] } = session;
  const holds: KeptHold[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(holds.map((hold) => hold.leave()));
    await session.close();
  };
  try {
    for (const backupId of needs) holds.push(await holdOne({ dataset: child.dataset.name, backupId }, child, signal));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...{ busPosition: session.busPosition, tools: session.tools, needs, close },
    objects: () => session.objects(),
    facts: () => session.facts(),
    requires: async () => (await session.requires?.()) ?? [],
  };
}

async function holdOne(
  needed: HeldBackup,
  { backupId, runId, repository }: Child,
  signal: AbortSignal,
): Promise<KeptHold> {
  const reason = `backup ${backupId} builds on it`;
  const name = newHoldName('backup', runId);
  const own = { ...needed, name, reason, by: hostname(), livesMs: HOLD_LIVES_MS };
  const hold = await keepHold(repository, own, signal);
  try {
    // The hold is in force: a mark that comes from now on is looked at by no sweep that does not see the hold, or the new manifest.
    await assertFit(needed, repository, signal);
    return hold;
  } catch (error) {
    await hold.release();
    throw error;
  }
}

async function assertFit(needed: HeldBackup, repository: BackupRepository, signal: AbortSignal): Promise<void> {
  const { manifest, damage, isMarked } = await inspectBackup(repository, needed, { signal });
  const what = `backup ${needed.backupId}, which the new one builds on,`;
  if (damage !== undefined) throw damage;
  if (manifest === undefined) throw new AppError('backup.missing', `${what} is not in ${repository.location}`);
  if (isMarked) throw new AppError('backup.expiring', `${what} is marked for deletion`, { ...needed });
}
