import { BackupExpired } from '#common/contracts/events/backup-expired.event.js';
import type { BackupId } from '#common/domain/ids.js';
import { toUuidV5 } from '#common/domain/ids.js';
import { type ExpiryOutcome, expireBackup, keepAfterAll } from '#common/operations/expire-backup.js';
import { sweepAttempts } from '#common/operations/sweep-attempts.js';
import type { Facts } from './facts.js';
import { type DatasetPlan, loadKnowledge, type RetentionDeps } from './plan-retention.js';

export interface ApplyRetentionDeps extends RetentionDeps {
  readonly facts: Facts;
}

export interface AppliedRetention {
  readonly dataset: string;
  readonly refusal: string | null;
  /** What was done to each backup that this sweep took on. */
  readonly backups: readonly { readonly id: string; readonly outcome: ExpiryOutcome | 'kept' }[];
  /** Expired ones beyond the cap: the next sweep's. */
  readonly left: number;
  /** Dead attempts whose objects were removed. */
  readonly swept: readonly string[];
  /** Uploads and temporary files of dead writers. */
  readonly unfinished: number;
}

/**
 * One sweep over a dataset: finishes what an earlier one began, marks what has expired, deletes what was marked long enough ago, and
 * removes what dead attempts left. May be stopped and repeated at any point. Throws: repository.*, catalog.unavailable; the abort reason.
 */
export async function applyRetention(
  plan: DatasetPlan,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<AppliedRetention> {
  const { dataset } = plan;
  const repository = d.installation.primaryRepository(dataset);
  const backups: { id: string; outcome: ExpiryOutcome | 'kept' }[] = [];
  const expire = async (backupId: string, reasons: readonly string[]): Promise<void> => {
    const onDeleting = forgetInCatalog({ dataset, backupId, repository: repository.name, reasons }, d);
    const outcome = await expireBackup({ dataset, backupId, reasons }, { repository, onDeleting }, signal);
    backups.push({ id: backupId, outcome });
  };

  for (const backupId of plan.halfDeleted) await expire(backupId, ['its deletion was cut short']);
  for (const { id } of plan.backups.filter(({ isKept, isMarked }) => isKept && isMarked)) {
    await keepAfterAll({ dataset, backupId: id }, { repository }, signal);
    backups.push({ id, outcome: 'kept' });
  }
  const oldestFirst = plan.backups.filter(({ isKept }) => !isKept).toReversed();
  for (const { id, reasons } of oldestFirst.slice(0, plan.cap)) await expire(id, reasons);

  return {
    ...{ dataset, refusal: plan.refusal, backups },
    left: Math.max(oldestFirst.length - plan.cap, 0),
    ...(await sweepDead(dataset, d, signal)),
  };
}

/** Removes what dead attempts at a dataset left; the catalog tells which attempts are not dead. Throws: repository.*, catalog.unavailable. */
export async function sweepDead(
  dataset: string,
  { installation, catalog }: Pick<ApplyRetentionDeps, 'installation' | 'catalog'>,
  signal: AbortSignal,
): Promise<Pick<AppliedRetention, 'swept' | 'unfinished'>> {
  const known = await loadKnowledge(dataset, catalog);
  const isProtected = (attempt: { readonly backupId: string; readonly attemptKey: string }): boolean =>
    known.backups.some(
      ({ id, state, attemptKey, isBeingMade }) =>
        id === attempt.backupId && (isBeingMade || (state === 'completed' && attemptKey === attempt.attemptKey)),
    );
  const hasWriter = known.backups.some(({ isBeingMade }) => isBeingMade);
  return sweepAttempts(installation.primaryRepository(dataset), { dataset, isProtected, hasWriter }, signal);
}

interface Forgotten {
  readonly dataset: string;
  readonly backupId: string;
  readonly repository: string;
  readonly reasons: readonly string[];
}

/** Row and fact in one transaction, before anything is deleted: the catalog never names what is gone. False while a run works with it. */
const forgetInCatalog =
  ({ dataset, backupId, repository, reasons }: Forgotten, { catalog, facts }: ApplyRetentionDeps) =>
  async (): Promise<boolean> => {
    if (catalog === undefined) return true;
    return catalog.transaction(async (tx) => {
      const uses = await tx.retention.uses(dataset);
      if (uses.some((use) => use.backupId === backupId)) return false;
      const expired = await tx.retention.expire(backupId as BackupId, repository);
      // Not known to the catalog, or told already.
      if (expired === undefined) return true;
      const data = {
        ...{ dataset, backupId, repository, reasons: [...reasons] },
        ...{ method: expired.method, purpose: expired.purpose },
        snapshotAt: (expired.snapshotAt ?? expired.reservedAt).toISOString(),
        sizeBytes: expired.sizeBytes ?? 0,
        expiredAt: (expired.expiredAt ?? (await tx.now())).toISOString(),
      };
      await facts.write(tx, BackupExpired, data, { id: toUuidV5('expired', backupId, repository) });
      const detail = { repository, reasons: [...reasons] };
      await tx.audit.write({
        ...{ actor: facts.source, action: 'backup.expired' },
        subject: backupId,
        outcome: 'deleted',
        detail,
      });
      return true;
    });
  };
