import type { Backup } from '#common/catalog/entities/backup.entity.js';
import type { BackupId } from '#common/domain/ids.js';
import { type DeletionRequest, LAST_GOOD } from '#common/domain/retention.policy.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { keepAfterAll } from '#common/operations/expire-backup.js';
import { askForDeletion, withdrawDeletion } from '#common/repository/deletion-request.js';
import { readExpiry } from '#common/repository/expiry-marker.js';
import { backupPrefix, expiringKey, manifestKey } from '#common/repository/layout.js';
import { listObjects } from '#common/repository/read-backups.js';
import {
  type AloneDeps,
  type AppliedBackup,
  type ApplyRetentionDeps,
  expireOne,
  type FreedSpace,
  sweepAlone,
} from './apply-retention.js';
import { forgetInCatalog } from './forget-in-catalog.js';
import { childrenOf, decidePlan, loadMaterial, type PlannedBackup, type RetentionMaterial } from './plan-retention.js';

export interface NamedBackup {
  readonly dataset: string;
  readonly backupId: string;
}

/** What the deletion of one backup would do, and what stands in its way. */
export interface DeletionPreview extends NamedBackup {
  readonly repository: string;
  /** `gone`: only the catalog still names it; `deleting`: its deletion has begun. */
  readonly state: 'whole' | 'damaged' | 'deleting' | 'gone';
  readonly snapshotAt: string | null;
  readonly purpose: 'regular' | 'safety' | null;
  /** Everything that lies below its prefix, verdicts and holds included. */
  readonly objects: readonly { readonly key: string; readonly sizeBytes: number }[];
  readonly sizeBytes: number;
  /** null: the storage does not say whether it keeps versions of what is deleted. */
  readonly freesSpace: boolean | null;
  /** Holds, runs and backups without which it cannot go. */
  readonly neededBy: readonly string[];
  /** The rules that would keep it: an operator's word goes before them. */
  readonly keptBy: readonly string[];
  /** Of its method. */
  readonly isLastGood: boolean;
  readonly isLastVerified: boolean;
  /** What is left to restore from afterwards. */
  readonly goodLeft: number;
  readonly newestLeft: { readonly id: string; readonly snapshotAt: string } | null;
  /** Why it would be refused; empty: nothing stands in the way. */
  readonly refusals: readonly string[];
}

export interface DeletedBackup {
  readonly preview: DeletionPreview;
  readonly outcome: AppliedBackup['outcome'];
  readonly problem?: string | undefined;
  /** With `deleted`. */
  readonly freed?: FreedSpace | undefined;
  /** With `marked` and `waiting`: until then a hold saves it, and then a sweep deletes it. */
  readonly notBefore: string | null;
}

/** Changes nothing. Throws: backup.missing; repository.*, catalog.unavailable. */
export async function previewDeletion(
  named: NamedBackup,
  request: DeletionRequest,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<DeletionPreview> {
  return toPreview(named, { material: await loadMaterial(named.dataset, d, signal), request }, d, signal);
}

/**
 * One step of a backup's way out because an operator wants it gone, whatever the rules say: the wish is kept beside it, so that sweeps go
 * on, and the rest is an expiry like any other, in its order (docs/design/ordering.md, “A deletion”). May be repeated until it is
 * deleted. Throws: backup.missing, backup.needed, retention.busy; repository.*, catalog.unavailable.
 */
export function deleteBackup(
  named: NamedBackup,
  request: DeletionRequest,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<DeletedBackup> {
  return sweepAlone(named.dataset, d, signal, async (alone, until) => {
    const material = await loadMaterial(named.dataset, alone, until);
    const preview = await toPreview(named, { material, request }, alone, until);
    await findDenial(named, material, until).then(throwIfAny);
    if (preview.refusals.length > 0) throw toRefusal(preview);
    if (!isRequestedAlready(named, { material, request })) await audit(named, request, 'accepted', alone);
    if (preview.state === 'gone') return forgetGone(preview, alone);
    const { repository } = material;
    if (preview.state !== 'deleting') await askForDeletion(repository, named, { ...request, signal: until });
    const reasons = [`${request.by} asked for its deletion`];
    const { outcome, problem, freed } = await expireOne({ ...named, reasons, evenDamaged: true }, alone, until);
    const isOnItsWay = outcome === 'marked' || outcome === 'waiting';
    const mark = isOnItsWay
      ? await readExpiry(repository, expiringKey(named.dataset, named.backupId), { signal: until })
      : undefined;
    return { preview, outcome, problem, freed, notBefore: mark?.lookAt.toISOString() ?? null };
  });
}

/** Undoes the request, as long as nothing of the backup is deleted. Throws: retention.busy, backup.expiring; repository.*, catalog.unavailable. */
export function withdrawDeletionOf(
  named: NamedBackup,
  by: string,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<void> {
  return sweepAlone(named.dataset, d, signal, async (alone, until) => {
    const { repository, halfDeleted } = await loadMaterial(named.dataset, alone, until);
    if (halfDeleted.includes(named.backupId))
      throw new AppError('backup.expiring', `the deletion of backup ${named.backupId} has begun`, { ...named });
    await audit(named, { by, evenLastGood: false }, 'withdrawn', alone);
    await withdrawDeletion(repository, named, { signal: until });
    await keepAfterAll(named, { repository }, until);
  });
}

interface Wish {
  readonly material: RetentionMaterial;
  readonly request: DeletionRequest;
}

/** A repetition asks nothing new. */
function isRequestedAlready({ backupId }: NamedBackup, { material, request }: Wish): boolean {
  const whole = material.backups.find(({ backup }) => backup.id === backupId)?.backup;
  const asked = (whole ?? material.damaged.find((damaged) => damaged.backupId === backupId))?.asked;
  return asked?.by === request.by && asked.evenLastGood === request.evenLastGood;
}

async function toPreview(
  named: NamedBackup,
  { material, request }: Wish,
  d: ApplyRetentionDeps,
  signal: AbortSignal,
): Promise<DeletionPreview> {
  const { backupId } = named;
  const { repository } = material;
  const asIs = decidePlan(material);
  const asAsked = decidePlan(material, new Map([[backupId, request]]));
  const of = ({ id }: { readonly id: string }): boolean => id === backupId;
  const [before, after] = [asIs.backups.find(of), asAsked.backups.find(of)];
  const damaged = asAsked.damaged.find(of);
  const state = await stateOf(named, { isWhole: before !== undefined, isDamaged: damaged !== undefined, material }, d);
  const { objects } = await listObjects(repository, named, { signal });
  const others = asIs.backups.filter((each) => !of(each) && isGood(each));
  const held = (after?.reasons ?? []).filter((reason) => reason.startsWith('held by '));
  const neededBy = [
    ...(after?.isKept === true ? held : []),
    ...(damaged?.heldBy ?? []).map((name) => `held by ${name}`),
    ...(damaged === undefined ? childrenOf(backupId, asIs.backups).map((child) => `needed by ${child}`) : []),
  ];
  const alike = others.filter(({ method }) => method === before?.method);
  const isLastGood = before !== undefined && isGood(before) && alike.length === 0;
  const denial = await findDenial(named, material, signal);
  return {
    ...{ ...named, repository: repository.name, state },
    ...{ snapshotAt: before?.snapshotAt ?? null, purpose: before?.purpose ?? null },
    objects: objects.map(({ key, sizeBytes }) => ({ key, sizeBytes })),
    sizeBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    freesSpace: await freesSpace(material, signal),
    neededBy,
    keptBy: before?.isKept === true ? before.reasons.filter((reason) => !/^(held|needed) by /.test(reason)) : [],
    isLastGood,
    isLastVerified: before?.isVerified === true && !alike.some(({ isVerified }) => isVerified),
    goodLeft: others.length,
    newestLeft: others[0] === undefined ? null : { id: others[0].id, snapshotAt: others[0].snapshotAt },
    refusals: [
      ...neededBy,
      ...(isLastGood && !request.evenLastGood ? [LAST_GOOD] : []),
      ...(denial === undefined ? [] : [`out of reach here: ${denial.message}`]),
    ],
  };
}

const isGood = ({ purpose, isDamaged, isDeletionRequested }: PlannedBackup): boolean =>
  purpose === 'regular' && !isDamaged && !isDeletionRequested;

/** A deletion takes versions as well, or none is made. Null also where the storage is too full to be tried. */
async function freesSpace({ repository }: RetentionMaterial, signal: AbortSignal): Promise<boolean | null> {
  try {
    return (await repository.traits({ signal })).versioning === null ? null : true;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** Nothing is promised, neither to the audit trail nor to sweeps, that the credential of this process may not do. */
async function findDenial(
  { dataset, backupId }: NamedBackup,
  { repository }: RetentionMaterial,
  signal: AbortSignal,
): Promise<AppError | undefined> {
  try {
    await repository.requireRemovable(manifestKey(backupPrefix(dataset, backupId)), { signal });
    return undefined;
  } catch (error) {
    if (error instanceof AppError && /-denied$/.test(error.code)) return error;
    throw error;
  }
}

function throwIfAny(error: AppError | undefined): void {
  if (error !== undefined) throw error;
}

interface Seen {
  readonly isWhole: boolean;
  readonly isDamaged: boolean;
  readonly material: RetentionMaterial;
}

async function stateOf(
  { dataset, backupId }: NamedBackup,
  { isWhole, isDamaged, material }: Seen,
  { catalog }: ApplyRetentionDeps,
): Promise<DeletionPreview['state']> {
  if (isWhole) return 'whole';
  if (isDamaged) return 'damaged';
  if (material.halfDeleted.includes(backupId)) return 'deleting';
  const known = await catalog?.transaction((tx) => tx.backups.find(backupId as BackupId));
  if (isNamed(known) && known.dataset === dataset) return 'gone';
  throw new AppError(
    'backup.missing',
    `neither ${material.repository.location} nor the catalog has backup ${backupId}`,
  );
}

const isNamed = (backup: Backup | undefined): backup is Backup => backup?.state === 'completed';

/** Nothing is left to delete: the catalog stops naming it, and says so. */
async function forgetGone(preview: DeletionPreview, d: AloneDeps): Promise<DeletedBackup> {
  const { dataset, backupId, repository } = preview;
  const reasons = ['nothing of it was in the repository any more'];
  const isForgotten = await forgetInCatalog({ dataset, backupId, repository, reasons }, d)(undefined, undefined);
  return { preview, outcome: isForgotten ? 'deleted' : 'held', notBefore: null };
}

/** Who asked, before anything follows. Without a catalog the wish beside the backup says it. */
async function audit(
  { dataset, backupId }: NamedBackup,
  { by, evenLastGood }: DeletionRequest,
  outcome: 'accepted' | 'withdrawn',
  { catalog }: AloneDeps,
): Promise<void> {
  const detail = { dataset, evenLastGood };
  await catalog?.transaction((tx) =>
    tx.audit.write({ actor: by, action: 'backup.delete', subject: backupId, outcome, detail }),
  );
}

function toRefusal({ dataset, backupId, isLastGood, neededBy, refusals }: DeletionPreview): AppError {
  const message = `backup ${backupId} of ${dataset} is not deleted: it is ${toShortList(refusals)}`;
  const context = { dataset, backupId, neededBy };
  if (neededBy.length > 0 || !isLastGood) return new AppError('backup.needed', message, context);
  const hint = `Take another backup first; or name it twice: \`holdfast backup delete ${backupId} --yes --even-last-good ${backupId}\`.`;
  return new AppError('backup.needed', message, context, { hint });
}
