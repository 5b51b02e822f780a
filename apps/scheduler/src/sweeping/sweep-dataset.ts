import type { BackupId } from '#common/domain/ids.js';
import { NO_WAL } from '#common/operations/recovery/expire-wal.js';
import { deletionKey, expiringKey } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import {
  type AppliedRetention,
  type ApplyRetentionDeps,
  applyRetention,
  type RetentionSweep,
} from '#common/service/retention/apply-retention.js';
import { type DamagedCopy, lookAtCopies } from '#common/service/retention/look-at-copies.js';
import { type DatasetPlan, loadKnowledge } from '#common/service/retention/plan-retention.js';
import { hasRetention } from '#common/service/retention/retention-of.js';
import { sweepDead } from '#common/service/retention/sweep-dead.js';

export interface SweptDataset extends AppliedRetention {
  /** Undefined where nothing can expire: then no manifest was read. */
  readonly plan: DatasetPlan | undefined;
  /** Backups that the catalog names and that have lost an object. */
  readonly lost: readonly DamagedCopy[];
}

/** Looks whether every backup is whole, expires what has to go, and removes what dead attempts left. Throws: repository.*, catalog.unavailable; the abort reason. */
export async function sweepDataset(dataset: string, d: ApplyRetentionDeps, signal: AbortSignal): Promise<SweptDataset> {
  const { catalog, events, installation } = d;
  const repository = installation.primaryRepository(dataset);
  const lost = catalog === undefined ? [] : await lookAtCopies(dataset, { catalog, repository, events }, signal);
  return { lost, ...(await retain(dataset, d, signal)) };
}

/**
 * Retention, where the configuration has one for the dataset, a mark of an earlier one is left or a run was given up whose backup came
 * to be all the same; and always what dead attempts left.
 */
async function retain(
  dataset: string,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<Omit<SweptDataset, 'lost'>> {
  if (hasRetention(d.installation.config, dataset) || (await mayExpire(dataset, d, signal)))
    return follow(await applyRetention(dataset, d, signal), d);
  const nothing = { dataset, refusals: [], backups: [], left: 0, isSpaceFreed: null, freedBytes: 0, wal: NO_WAL };
  return { ...nothing, plan: undefined, ...(await sweepDead(dataset, { ...d, hasDeleted: false }, signal)) };
}

/** What was found or accepted without the catalog, it knows from then on. */
async function follow(sweep: RetentionSweep, { catalog }: ApplyRetentionDeps): Promise<RetentionSweep> {
  const strange = sweep.plan.backups.filter(({ suspicious }) => suspicious.length > 0);
  if (strange.length > 0)
    await catalog?.transaction(async (tx) => {
      for (const { id, suspicious, acceptance } of strange) {
        await tx.suspicions.record(id as BackupId, suspicious);
        if (acceptance !== null) await tx.suspicions.accept(id as BackupId, acceptance);
      }
    });
  return sweep;
}

async function mayExpire(dataset: string, d: ApplyRetentionDeps, signal: AbortSignal): Promise<boolean> {
  const repository = d.installation.primaryRepository(dataset);
  const { backups } = await loadKnowledge({ dataset, repository: repository.name }, d.catalog);
  const givenUp = new Set(backups.flatMap(({ id, givenUpAs }) => (givenUpAs === null ? [] : [String(id)])));
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const wishes = [expiringKey(dataset, backupId), deletionKey(dataset, backupId)];
    if (objects.some(({ key }) => wishes.includes(key))) return true;
    if (givenUp.has(backupId) && objects.some(({ key }) => key.endsWith('/manifest.json'))) return true;
  }
  return false;
}
