import { hostname } from 'node:os';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Backup } from '#common/catalog/entities/backup.entity.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { BackupExpired } from '#common/contracts/events/backup-expired.event.js';
import { type Manifest, totalBytes } from '#common/contracts/manifest.js';
import type { BackupId } from '#common/domain/ids.js';
import { toUuidV5 } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import { type ExpiryOutcome, expireBackup, keepAfterAll } from '#common/operations/expire-backup.js';
import type { Facts } from './facts.js';
import { type DatasetPlan, loadKnowledge, planRetention, type RetentionDeps } from './plan-retention.js';
import { sweepDead } from './sweep-dead.js';
import { underLease } from './under-lease.js';

export interface ApplyRetentionDeps extends RetentionDeps {
  readonly facts: Facts;
}

export interface AppliedBackup {
  readonly id: string;
  /** `locked`: the store locks what has to go; a later sweep goes on. */
  readonly outcome: ExpiryOutcome | 'kept' | 'locked' | 'failed';
  /** Why it failed, or what is locked. */
  readonly problem?: string;
}

export interface AppliedRetention {
  readonly dataset: string;
  readonly refusal: string | null;
  /** What was done to each backup that this sweep took on. */
  readonly backups: readonly AppliedBackup[];
  /** Expired ones beyond the cap: the next sweep's. */
  readonly left: number;
  /** Dead attempts whose objects were removed. */
  readonly swept: readonly string[];
  /** Uploads and temporary files of dead writers. */
  readonly unfinished: number;
}

export interface RetentionSweep extends AppliedRetention {
  /** What was decided. */
  readonly plan: DatasetPlan;
}

/**
 * One sweep over a dataset: finishes what an earlier one began, marks what has expired, deletes what was marked long enough ago, and
 * removes what dead attempts left. May be stopped and repeated at any point. One at a time of a dataset, where there is a catalog, from
 * before it decides: two that decide differently could let a hold in and delete all the same. Throws: retention.busy, repository.*, catalog.unavailable; the
 * abort reason.
 */
export async function applyRetention(
  dataset: string,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<RetentionSweep> {
  const { catalog } = d;
  const sweep = async (lease: LeaseRef | undefined, until: AbortSignal): Promise<RetentionSweep> => {
    const plan = await planRetention(dataset, d, until);
    return { plan, ...(await applyPlan(plan, { ...d, lease }, until)) };
  };
  if (catalog === undefined) return sweep(undefined, signal);
  const owner = `${hostname()} ${process.pid}`;
  const swept = await underLease({ catalog, name: `retention ${dataset}`, owner, signal }, sweep);
  if (swept !== undefined) return swept;
  throw new AppError('retention.busy', `another sweep is at work on ${dataset}`, { dataset });
}

interface AloneDeps extends ApplyRetentionDeps {
  /** Of this sweep alone. Undefined without a catalog. */
  readonly lease: LeaseRef | undefined;
}

/** Does what a plan says; what has changed since it was made is looked at again before anything is deleted. Throws: as applyRetention. */
export async function applyPlan(plan: DatasetPlan, d: AloneDeps, signal: AbortSignal): Promise<AppliedRetention> {
  const { dataset } = plan;
  const repository = d.installation.primaryRepository(dataset);
  const backups: AppliedBackup[] = [];
  const gone = await namesOfGone(d, { dataset, repository: repository.name });
  const expire: Expire = async (backupId, reasons) => {
    const onDeleting = forgetInCatalog({ dataset, backupId, repository: repository.name, reasons }, d);
    const expiry = { dataset, backupId, reasons, evenDamaged: gone.has(backupId) };
    const outcome = expireBackup(expiry, { repository, onDeleting }, signal);
    const done = { id: backupId, ...(await outcome.then((is) => ({ outcome: is }), toFailed)) };
    backups.push(done);
    return done;
  };

  const damaged = plan.damaged.flatMap(({ id }) => (gone.has(id) ? [id] : []));
  for (const backupId of [...plan.halfDeleted, ...damaged]) await expire(backupId, ['its deletion was cut short']);
  for (const { id } of plan.backups.filter(({ isKept, isMarked }) => isKept && isMarked)) {
    if (gone.has(id)) await expire(id, ['its deletion was cut short']);
    else {
      const kept = keepAfterAll({ dataset, backupId: id }, { repository }, signal);
      backups.push({ id, ...(await kept.then(() => ({ outcome: 'kept' as const }), toFailed)) });
    }
  }
  const left = await expireOldest(plan, expire);
  return { ...{ dataset, refusal: plan.refusal, backups, left }, ...(await sweepDead(dataset, d, signal)) };
}

type Expire = (backupId: string, reasons: readonly string[]) => Promise<AppliedBackup>;

/**
 * Up to the cap each of new marks and of deletions, for a mark in this sweep is a deletion in a later one. What is held or locked takes
 * nobody's turn. Returns how many are left.
 */
async function expireOldest({ backups, cap }: DatasetPlan, expire: Expire): Promise<number> {
  const done = { marked: 0, deleted: 0 };
  let left = 0;
  for (const { id, reasons, isMarked } of backups.filter(({ isKept }) => !isKept).toReversed()) {
    if (done[isMarked ? 'deleted' : 'marked'] >= cap) {
      left += 1;
      continue;
    }
    const { outcome } = await expire(id, reasons);
    if (outcome === 'marked' || outcome === 'deleted') done[outcome] += 1;
  }
  return left;
}

/** What the store refuses for good is this backup's alone (a lock on its objects, say): it keeps no other from its turn. */
function toFailed(error: unknown): Omit<AppliedBackup, 'id'> {
  const isRefusal = error instanceof AppError && /^(repository|backup)[.]/.test(error.code) && !error.retryable;
  if (!isRefusal) throw error;
  return { outcome: error.code === 'repository.locked' ? 'locked' : 'failed', problem: error.message };
}

/** Whoever is told of an expiry believes it: from then on there is no way back, whatever the rules say by now. */
async function namesOfGone(
  { catalog }: AloneDeps,
  of: { readonly dataset: string; readonly repository: string },
): Promise<ReadonlySet<string>> {
  const { backups } = await loadKnowledge(of, catalog);
  return new Set(backups.filter(({ state }) => state === 'expired').map(({ id }) => id));
}

interface Forgotten {
  readonly dataset: string;
  readonly backupId: string;
  readonly repository: string;
  readonly reasons: readonly string[];
}

/** Row and fact in one transaction, before anything is deleted: the catalog never names what is gone. False while a run works with it. */
const forgetInCatalog =
  (forgotten: Forgotten, { catalog, facts, lease }: AloneDeps) =>
  async (_: unknown, manifest: Manifest | undefined): Promise<boolean> => {
    if (catalog === undefined) return true;
    const { dataset, backupId } = forgotten;
    return catalog.transaction(async (tx) => {
      if (lease !== undefined) await tx.leases.assertHeld(lease);
      const known = await tx.backups.find(backupId as BackupId);
      if (known?.state === 'expired') return true;
      const uses = await tx.retention.uses(dataset);
      if (uses.some((use) => use.backupId === backupId)) return false;
      const said = await forget(tx, { ...forgotten, known, manifest });
      if (said !== undefined) await tell(tx, forgotten, said, facts);
      return true;
    });
  };

type Known = Forgotten & { readonly known: Backup | undefined; readonly manifest: Manifest | undefined };

/** What there is to say of it. A catalog that lost its rows says it from the manifest, which a deletion that was cut short has removed. */
async function forget(tx: CatalogTx, { backupId, repository, known, manifest }: Known): Promise<Said | undefined> {
  const expired = await tx.retention.expire(backupId as BackupId, repository);
  if (expired !== undefined) return fromRow(expired);
  if (known !== undefined || manifest === undefined) return undefined;
  await tx.retention.recordExpired(manifest);
  return fromManifest(manifest);
}

type Said = Pick<DataOf<typeof BackupExpired>, 'method' | 'purpose' | 'snapshotAt' | 'sizeBytes'>;

const fromRow = ({ method, purpose, snapshotAt, reservedAt, sizeBytes }: Backup): Said => ({
  ...{ method, purpose, sizeBytes: sizeBytes ?? 0 },
  snapshotAt: (snapshotAt ?? reservedAt).toISOString(),
});

const fromManifest = (manifest: Manifest): Said => ({
  ...{ method: manifest.method, purpose: manifest.purpose, sizeBytes: totalBytes(manifest) },
  snapshotAt: manifest.snapshot.takenAt,
});

async function tell(tx: CatalogTx, forgotten: Forgotten, said: Said, facts: Facts): Promise<void> {
  const { dataset, backupId, repository, reasons } = forgotten;
  const expiredAt = (await tx.now()).toISOString();
  const data = { dataset, backupId, repository, reasons: [...reasons], ...said, expiredAt };
  await facts.write(tx, BackupExpired, data, { id: toUuidV5('expired', backupId, repository) });
  await tx.audit.write({
    ...{ actor: facts.source, action: 'backup.expired' },
    ...{ subject: backupId, outcome: 'deleted' },
    detail: { repository, reasons: [...reasons] },
  });
}
