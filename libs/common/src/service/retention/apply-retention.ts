import { hostname } from 'node:os';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import { childrenFirst } from '#common/domain/backup-chain.js';
import type { RetentionRefusal } from '#common/domain/retention.policy.js';
import { AppError } from '#common/errors/app-error.js';
import { type Expiry, type ExpiryOutcome, expireBackup, keepAfterAll } from '#common/operations/expire-backup.js';
import type { ExpiredWal } from '#common/operations/recovery/expire-wal.js';
import type { RemovedObject } from '#common/repository/backup-repository.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { underLease } from '../background/lease.js';
import type { EventWriter } from '../event-writer.js';
import { expireByPlan } from './expire-archive.js';
import { forgetInCatalog } from './forget-in-catalog.js';
import { type DatasetPlan, decidePlan, loadKnowledge, loadMaterial, type RetentionDeps } from './plan-retention.js';
import { type DeadSweep, sweepDead } from './sweep-dead.js';

export interface ApplyRetentionDeps extends RetentionDeps {
  readonly events: EventWriter;
}

export interface AppliedBackup {
  readonly id: string;
  /** `locked`: the storage locks what has to go; a later sweep goes on. */
  readonly outcome: ExpiryOutcome | 'kept' | 'locked' | 'failed';
  /** Why it failed, or what is locked. */
  readonly problem?: string;
  /** What its deletion gave back. */
  readonly freed?: FreedSpace;
}

export interface FreedSpace {
  /** All versions of all objects. */
  readonly sizeBytes: number;
  /** null: the storage does not say whether it keeps versions of what is deleted. */
  readonly isFreed: boolean | null;
}

export interface AppliedRetention extends DeadSweep {
  readonly dataset: string;
  readonly refusals: readonly RetentionRefusal[];
  /** What was done to each backup that this sweep took on. */
  readonly backups: readonly AppliedBackup[];
  /** Expired ones beyond the cap: the next sweep's. */
  readonly left: number;
  /** null: nothing was deleted, or the storage does not say whether it keeps versions of what is. */
  readonly isSpaceFreed: boolean | null;
  readonly freedBytes: number;
  readonly wal: ExpiredWal;
}

export interface RetentionSweep extends AppliedRetention {
  /** What was decided. */
  readonly plan: DatasetPlan;
}

/**
 * One sweep over a dataset: finishes what an earlier one began, marks what has expired, deletes what was marked long enough ago, and
 * removes what dead attempts left and archived WAL that no backup needs any more. May be stopped and repeated at any point. One at a time of a dataset, where there is a catalog, from
 * before it decides: two that decide differently could let a hold in and delete all the same. Throws: retention.busy, repository.*, catalog.unavailable; the
 * abort reason.
 */
export async function applyRetention(
  dataset: string,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<RetentionSweep> {
  return sweepAlone(dataset, d, signal, async (alone, until) => {
    const plan = decidePlan(await loadMaterial(dataset, alone, until));
    return { plan, ...(await applyPlan(plan, alone, until)) };
  });
}

/** The part of a sweep that is about archived WAL. Throws: as applyRetention. */
export async function expireArchive(dataset: string, d: ApplyRetentionDeps, signal: AbortSignal): Promise<ExpiredWal> {
  const repository = d.installation.primaryRepository(dataset);
  return sweepAlone(dataset, d, signal, async (alone, until) => {
    const plan = decidePlan(await loadMaterial(dataset, alone, until));
    return expireByPlan(plan, { ...alone, repository }, until);
  });
}

/** Work that marks or deletes backups of a dataset, one at a time where there is a catalog. Throws: retention.busy; what the work throws. */
export async function sweepAlone<T>(
  dataset: string,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
  work: (alone: AloneDeps, until: AbortSignal) => Promise<T>,
): Promise<T> {
  const { catalog } = d;
  if (catalog === undefined) return work({ ...d, lease: undefined }, signal);
  const owner = `${hostname()} ${process.pid}`;
  const options = { catalog, name: `retention ${dataset}`, owner, logger: silentLogger };
  const done = await underLease(options, (lease) => work({ ...d, lease }, AbortSignal.any([signal, lease.lost])));
  if (done !== undefined) return done.result;
  throw new AppError('retention.busy', `another sweep is at work on ${dataset}`, { dataset });
}

export interface AloneDeps extends ApplyRetentionDeps {
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
    const asked = plan.damaged.some(({ id, isDeletionRequested }) => id === backupId && isDeletionRequested);
    const done = await expireOne({ dataset, backupId, reasons, evenDamaged: asked || gone.has(backupId) }, d, signal);
    backups.push(done);
    return done;
  };

  for (const backupId of plan.halfDeleted) await expire(backupId, ['its deletion was cut short']);
  for (const { id, isDeletionRequested, heldBy } of plan.damaged)
    if (gone.has(id) || (isDeletionRequested && heldBy.length === 0))
      await expire(id, [isDeletionRequested ? 'an operator asked for its deletion' : 'its deletion was cut short']);
  for (const { id } of plan.backups.filter(({ isKept, isMarked }) => isKept && isMarked)) {
    if (gone.has(id)) await expire(id, ['its deletion was cut short']);
    else {
      const kept = keepAfterAll({ dataset, backupId: id }, { repository }, signal);
      backups.push({ id, ...(await kept.then(() => ({ outcome: 'kept' as const }), toFailed)) });
    }
  }
  const left = await expireOldest(plan, expire);
  const freed = backups.flatMap((backup) => backup.freed ?? []);
  const { isFreed: isSpaceFreed, sizeBytes: freedBytes } = freed.reduce(addFreed, NOTHING_FREED);
  return {
    ...{ dataset, refusals: plan.refusals, backups, left, freedBytes },
    isSpaceFreed: freed.length === 0 ? null : isSpaceFreed,
    ...(await sweepDead(dataset, { ...d, hasDeleted: backups.some(({ outcome }) => outcome === 'deleted') }, signal)),
    // After the backups that needed it, and after dead attempts, which might have.
    wal: await expireByPlan(plan, { ...d, repository }, signal),
  };
}

/** One step of one backup on its way out: the catalog records it before any object is gone. Throws: as applyRetention. */
export async function expireOne(
  { dataset, backupId, reasons, evenDamaged }: Required<Expiry>,
  d: AloneDeps,
  signal: AbortSignal,
): Promise<AppliedBackup> {
  const repository = d.installation.primaryRepository(dataset);
  const onDeleting = forgetInCatalog({ dataset, backupId, repository: repository.name, reasons }, d);
  let freed = NOTHING_FREED;
  const onRemoved = ({ sizeBytes, isFreed }: RemovedObject): void => {
    freed = addFreed(freed, { sizeBytes: sizeBytes ?? 0, isFreed });
  };
  const deps = { repository, onDeleting, onRemoved };
  const outcome = expireBackup({ dataset, backupId, reasons, evenDamaged }, deps, signal);
  const done = await outcome.then((is) => (is === 'deleted' ? { outcome: is, freed } : { outcome: is }), toFailed);
  return { id: backupId, ...done };
}

const NOTHING_FREED: FreedSpace = { sizeBytes: 0, isFreed: true };

const addFreed = (one: FreedSpace, other: FreedSpace): FreedSpace => ({
  sizeBytes: one.sizeBytes + other.sizeBytes,
  isFreed: [one.isFreed, other.isFreed].includes(false) ? false : one.isFreed && other.isFreed,
});

type Expire = (backupId: string, reasons: readonly string[]) => Promise<AppliedBackup>;

/**
 * Up to the cap each of new marks and of deletions, for a mark in this sweep is a deletion in a later one. What is held or locked takes
 * nobody's turn. Returns how many are left.
 */
async function expireOldest({ backups, cap }: DatasetPlan, expire: Expire): Promise<number> {
  const done = { marked: 0, deleted: 0 };
  let left = 0;
  const there = new Set(backups.map((backup) => backup.id));
  const expired = childrenFirst(backups.filter(({ isKept }) => !isKept).toReversed());
  for (const { id, reasons, isMarked } of expired) {
    // What builds on it goes first, also where it cannot go yet.
    if (isMarked && backups.some((child) => there.has(child.id) && child.needs.includes(id))) continue;
    if (done[isMarked ? 'deleted' : 'marked'] >= cap) {
      left += 1;
      continue;
    }
    const { outcome } = await expire(id, reasons);
    if (outcome === 'deleted') there.delete(id);
    if (outcome === 'marked' || outcome === 'deleted') done[outcome] += 1;
  }
  return left;
}

/** What the storage refuses for good is this backup's alone (a lock on its objects, say): it keeps no other from its turn. */
function toFailed(error: unknown): Omit<AppliedBackup, 'id'> {
  const isRefusal = error instanceof AppError && /^(repository|backup)[.]/.test(error.code) && !error.retryable;
  // A right that is missing is missing for all of them.
  if (!isRefusal || /-denied$/.test(error.code)) throw error;
  return { outcome: error.code === 'repository.locked' ? 'locked' : 'failed', problem: error.message };
}

/** A consumer that reads of an expiry believes it: from then on there is no way back, whatever the rules say by now. */
async function namesOfGone(
  { catalog }: AloneDeps,
  of: { readonly dataset: string; readonly repository: string },
): Promise<ReadonlySet<string>> {
  const { backups } = await loadKnowledge(of, catalog);
  return new Set(backups.filter(({ state }) => state === 'expired').map(({ id }) => id));
}
