import { hostname } from 'node:os';
import type { Manifest } from '#common/contracts/manifest.js';
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

export interface HeldSession<F> extends Required<BackupSession<F>> {
  /** What it builds on, in the order of `needs`. */
  readonly needed: readonly Manifest[];
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
): Promise<HeldSession<F>> {
  const { needs = [] } = session;
  const holds: KeptHold[] = [];
  const needed: Manifest[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(holds.map((hold) => hold.leave()));
    await session.close();
  };
  try {
    for (const backupId of needs) {
      const { hold, manifest } = await holdOne({ dataset: child.dataset.name, backupId }, child, signal);
      holds.push(hold);
      needed.push(manifest);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    parallel: session.parallel ?? 1,
    ...{ busPosition: session.busPosition, tools: session.tools, needs, needed, close },
    objects: () => session.objects(),
    facts: () => session.facts(),
    requires: async () => (await session.requires?.()) ?? [],
  };
}

async function holdOne(
  needed: HeldBackup,
  { backupId, runId, repository }: Child,
  signal: AbortSignal,
): Promise<{ readonly hold: KeptHold; readonly manifest: Manifest }> {
  const reason = `backup ${backupId} builds on it`;
  const name = newHoldName('backup', runId);
  const own = { ...needed, name, reason, by: hostname(), livesMs: HOLD_LIVES_MS };
  const hold = await keepHold(repository, own, signal);
  try {
    // The hold is in force: a mark that comes from now on is looked at by no sweep that does not see the hold, or the new manifest.
    return { hold, manifest: await loadFit(needed, repository, signal) };
  } catch (error) {
    await hold.release();
    throw error;
  }
}

async function loadFit(needed: HeldBackup, repository: BackupRepository, signal: AbortSignal): Promise<Manifest> {
  const { manifest, damage, isMarked } = await inspectBackup(repository, needed, { signal });
  const what = `backup ${needed.backupId}, which the new one builds on,`;
  if (damage !== undefined) throw damage;
  if (manifest === undefined) throw new AppError('backup.missing', `${what} is not in ${repository.location}`);
  if (isMarked) throw new AppError('backup.expiring', `${what} is marked for deletion`, { ...needed });
  return manifest;
}
