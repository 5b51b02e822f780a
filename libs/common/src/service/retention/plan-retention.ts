import type { Catalog } from '#common/catalog/catalog.js';
import type { BackupUse, CatalogBackup } from '#common/catalog/stores/retention.store.js';
import { totalBytes } from '#common/contracts/manifest.js';
import { findBroken } from '#common/domain/backup-chain.js';
import { type Proof, weighProofs } from '#common/domain/proof.js';
import {
  type DeletionRequest,
  decideRetention,
  type RetainedBackup,
  type RetentionPolicy,
  type RetentionRefusal,
} from '#common/domain/retention.policy.js';
import { toProblem } from '#common/errors/app-error.js';
import { listRetained, type Retained, type RetainedList } from '#common/operations/list-retained.js';
import { planWalExpiry, type Standing, type WalExpiry } from '#common/operations/recovery/expire-wal.js';
import type { Acceptance } from '#common/repository/acceptance.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Installation } from '../installation.js';
import { retentionOf } from './retention-of.js';

export interface RetentionDeps {
  readonly installation: Installation;
  /** Without one, what runs work with and whether backups fail is unknown; holds and verdicts lie in the repository. */
  readonly catalog: Catalog | undefined;
  readonly now: () => Date;
}

/** What becomes of one backup, and why. */
export interface PlannedBackup {
  readonly id: string;
  readonly method: string;
  readonly snapshotAt: string;
  readonly purpose: 'regular' | 'safety';
  /** Ids of the backups that it builds on. */
  readonly needs: readonly string[];
  readonly sizeBytes: number;
  readonly isKept: boolean;
  /** An earlier sweep has marked it already. */
  readonly isMarked: boolean;
  /** Its own objects failed a proof, or it builds on a backup that is damaged or gone. */
  readonly isDamaged: boolean;
  readonly isVerified: boolean;
  /** An operator asked for its deletion. */
  readonly isDeletionRequested: boolean;
  /** By an operator, or by a run that works with it. */
  readonly isHeld: boolean;
  readonly reasons: readonly string[];
  /** Why it is unlike those before it; empty: it is not. */
  readonly suspicious: readonly string[];
  /** An operator looked at it all the same; null: none did, or there was nothing to look at. */
  readonly acceptance: Acceptance | null;
}

/** One that has lost an object; only an operator can have it deleted. */
export interface PlannedDamaged {
  readonly id: string;
  readonly problem: string;
  readonly isMarked: boolean;
  readonly isDeletionRequested: boolean;
  readonly heldBy: readonly string[];
}

export interface DatasetPlan {
  readonly dataset: string;
  readonly repository: string;
  /** Why nothing that a method made expires now. */
  readonly refusals: readonly RetentionRefusal[];
  /** How many expired ones a sweep marks at most, and how many it deletes, oldest first. */
  readonly cap: number;
  /** Newest first. */
  readonly backups: readonly PlannedBackup[];
  /** Their deletion was cut short; the sweep finishes it. */
  readonly halfDeleted: readonly string[];
  /** They lost an object, or have a manifest that cannot be read: neither counted nor deleted by rules. */
  readonly damaged: readonly PlannedDamaged[];
  /** Every instant since then shall be reachable by what is archived; null: since the oldest backup. */
  readonly reachFrom: string | null;
}

/** A plan, and what is archived that no backup needs by it. */
export interface RetentionPreview extends DatasetPlan {
  readonly wal: WalPreview;
}

/** As `WalExpiry`, in numbers. */
export interface WalPreview extends Omit<WalExpiry, 'expired'> {
  readonly expired: number;
}

export interface CatalogKnowledge {
  /** Methods whose newest run failed. */
  readonly failing: readonly string[];
  readonly backups: readonly CatalogBackup[];
  readonly uses: readonly BackupUse[];
  /** By backup; some of them no repository took. */
  readonly proofs: ReadonlyMap<string, readonly Proof[]>;
}

const NOTHING_KNOWN: CatalogKnowledge = { failing: [], backups: [], uses: [], proofs: new Map() };

/** Everything that a decision about a dataset is made of. */
export interface RetentionMaterial extends RetainedList {
  readonly dataset: string;
  readonly repository: BackupRepository;
  readonly known: CatalogKnowledge;
  readonly policy: RetentionPolicy;
  readonly cap: number;
  readonly now: Date;
}

/** What retention would do to a dataset now; changes nothing. Throws: request.refused, repository.*, catalog.unavailable. */
export async function planRetention(dataset: string, d: RetentionDeps, signal: AbortSignal): Promise<RetentionPreview> {
  const plan = decidePlan(await loadMaterial(dataset, d, signal));
  const wal = await planWal(plan, d.installation.primaryRepository(dataset), signal);
  return { ...plan, wal: { ...wal, expired: wal.expired.length } };
}

/** What is archived that no backup needs which is there now. Throws: repository.*. */
export function planWal(plan: DatasetPlan, repository: BackupRepository, signal: AbortSignal): Promise<WalExpiry> {
  const { dataset, reachFrom } = plan;
  const good = new Map(plan.backups.map((backup) => [backup.id, backup]));
  const damaged = new Map(plan.damaged.map((backup) => [backup.id, backup]));
  const standingOf = (id: string): Standing => {
    const backup = good.get(id);
    const isHeld = backup?.isHeld ?? (damaged.get(id)?.heldBy.length ?? 0) > 0;
    return { isHeld, leadsOn: backup?.isKept === true && !backup.isDamaged && !backup.isMarked };
  };
  const from = reachFrom === null ? undefined : new Date(reachFrom);
  return planWalExpiry(repository, { dataset, standingOf, reachFrom: from }, signal);
}

/** Throws: request.refused, repository.*, catalog.unavailable. */
export async function loadMaterial(dataset: string, d: RetentionDeps, signal: AbortSignal): Promise<RetentionMaterial> {
  const { policy, cap } = retentionOf(d.installation.config, dataset);
  const repository = d.installation.primaryRepository(dataset);
  const found = await listRetained(repository, dataset, signal);
  const known = await loadKnowledge({ dataset, repository: repository.name }, d.catalog);
  return { ...found, dataset, repository, known, policy, cap, now: earlierOf(d.now(), found.storageNow) };
}

/** `asked`: as if an operator had asked for the deletion of these. */
export function decidePlan(
  { known, policy, cap, now, dataset, repository, ...found }: RetentionMaterial,
  asked: ReadonlyMap<string, DeletionRequest> = new Map(),
): DatasetPlan {
  const knowing = found.backups.map((each) => ({ ...each, backup: withKnowledge(each, known, asked) }));
  const damagedIds = new Set(knowing.filter(({ backup }) => backup.isDamaged).map(({ backup }) => backup.id));
  const broken = findBroken(
    knowing.map(({ backup }) => backup),
    (id) => damagedIds.has(id),
  );
  const retained = knowing.map((each) => ({
    ...each,
    backup: broken.has(each.backup.id) ? toBroken(each.backup) : each.backup,
  }));
  const candidates = retained.map(({ backup }) => backup);
  const suspicious = retained
    .filter(({ manifest, acceptance }) => manifest.suspicious.length > 0 && acceptance === null)
    .map(({ manifest }) => ({ id: manifest.backupId, reasons: manifest.suspicious }));
  const plan = decideRetention(candidates, policy, now, { ...known, suspicious });
  const byId = new Map(retained.map((each) => [each.backup.id, each]));
  return {
    ...{ dataset, repository: repository.name, refusals: plan.refusals, cap, halfDeleted: found.halfDeleted },
    reachFrom:
      policy.withinMs === undefined || suspicious.length > 0
        ? null
        : new Date(now.getTime() - policy.withinMs).toISOString(),
    backups: plan.decisions.flatMap((decision) => {
      const planned = byId.get(decision.id);
      return planned === undefined ? [] : [{ ...toPlanned(planned), ...decision }];
    }),
    damaged: found.damaged.map(({ backupId, error, holds, ...damaged }) => ({
      ...{ id: backupId, problem: toProblem(error).message, isMarked: damaged.isMarked },
      ...{
        isDeletionRequested: (asked.get(backupId) ?? damaged.asked) !== null,
        heldBy: [...holds, ...usesOf(backupId, known), ...childrenOf(backupId, candidates)],
      },
    })),
  };
}

/** What it builds on is damaged or gone: it cannot be restored. */
const toBroken = (backup: RetainedBackup): RetainedBackup => ({ ...backup, isDamaged: true, isVerified: false });

/** They are there, kept or not: without it they were of no use. */
export const childrenOf = (
  id: string,
  backups: readonly { readonly id: string; readonly needs: readonly string[] }[],
): string[] =>
  backups.filter(({ needs }) => needs.includes(id)).map((child) => `backup ${child.id}, which builds on it`);

/** A clock that is ahead would expire what is young: of ours and the storage's, the one that keeps more. */
const earlierOf = (one: Date, other: Date): Date => (one < other ? one : other);

/** Throws: catalog.unavailable. */
export async function loadKnowledge(
  { dataset, repository }: { readonly dataset: string; readonly repository: string },
  catalog: Catalog | undefined,
): Promise<CatalogKnowledge> {
  if (catalog === undefined) return NOTHING_KNOWN;
  return catalog.transaction(async ({ retention, proofs }) => ({
    failing: await retention.failing(dataset),
    backups: await retention.backups(dataset),
    uses: await retention.uses(dataset),
    proofs: await proofs.ofDataset(dataset, repository),
  }));
}

const usesOf = (id: string, { uses }: CatalogKnowledge): string[] =>
  uses.filter(({ backupId }) => backupId === id).map(({ kind, runId }) => `${kind} run ${runId}`);

function withKnowledge(
  { backup, proofs }: Retained,
  known: CatalogKnowledge,
  asked: ReadonlyMap<string, DeletionRequest>,
): RetainedBackup {
  const { damage, verifiedAt } = weighProofs([...proofs, ...(known.proofs.get(backup.id) ?? [])]);
  const standing = { isVerified: verifiedAt !== null, isDamaged: damage.length > 0 };
  const holds = [...backup.holds, ...usesOf(backup.id, known)];
  // A manifest may have come at the moment at which its run was cancelled or failed for good: no event has named that backup.
  const givenUpAs = known.backups.find(({ id }) => String(id) === backup.id)?.givenUpAs ?? null;
  return { ...backup, ...standing, holds, givenUpAs, asked: asked.get(backup.id) ?? backup.asked };
}

const toPlanned = ({ manifest, isMarked, backup, acceptance }: Retained) => ({
  ...{ suspicious: manifest.suspicious, acceptance },
  ...{ method: manifest.method, snapshotAt: manifest.snapshotAt, purpose: manifest.purpose, needs: manifest.needs },
  ...{ sizeBytes: totalBytes(manifest), isMarked },
  ...{ isDamaged: backup.isDamaged, isVerified: backup.isVerified, isDeletionRequested: backup.asked !== null },
  isHeld: backup.holds.length > 0,
});
