import type { Catalog } from '#common/catalog/catalog.js';
import type { BackupUse, CatalogBackup } from '#common/catalog/stores/retention.store.js';
import { totalBytes } from '#common/contracts/manifest.js';
import { type Proof, weighProofs } from '#common/domain/proof.js';
import {
  type DeletionRequest,
  decideRetention,
  type RetainedBackup,
  type RetentionDecision,
  type RetentionPolicy,
} from '#common/domain/retention.policy.js';
import { toProblem } from '#common/errors/app-error.js';
import { listRetained, type Retained, type RetainedList } from '#common/operations/list-retained.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Installation } from './installation.js';
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
  readonly snapshotAt: string;
  readonly purpose: 'regular' | 'safety';
  readonly sizeBytes: number;
  readonly isKept: boolean;
  /** An earlier sweep has marked it already. */
  readonly isMarked: boolean;
  /** Its own objects failed a proof. */
  readonly isDamaged: boolean;
  readonly isVerified: boolean;
  /** An operator asked for its deletion. */
  readonly isDeletionRequested: boolean;
  readonly reasons: readonly string[];
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
  /** Why nothing at all expires now. */
  readonly refusal: string | null;
  /** How many expired ones a sweep marks at most, and how many it deletes, oldest first. */
  readonly cap: number;
  /** Newest first; then what given-up runs left. */
  readonly backups: readonly PlannedBackup[];
  /** Their deletion was cut short; the sweep finishes it. */
  readonly halfDeleted: readonly string[];
  /** They lost an object, or have a manifest that cannot be read: neither counted nor deleted by rules. */
  readonly damaged: readonly PlannedDamaged[];
}

export interface CatalogKnowledge {
  readonly isFailing: boolean;
  readonly backups: readonly CatalogBackup[];
  readonly uses: readonly BackupUse[];
  /** By backup; some of them no repository took. */
  readonly proofs: ReadonlyMap<string, readonly Proof[]>;
}

const NOTHING_KNOWN: CatalogKnowledge = { isFailing: false, backups: [], uses: [], proofs: new Map() };

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
export async function planRetention(dataset: string, d: RetentionDeps, signal: AbortSignal): Promise<DatasetPlan> {
  return decidePlan(await loadMaterial(dataset, d, signal));
}

/** Throws: request.refused, repository.*, catalog.unavailable. */
export async function loadMaterial(dataset: string, d: RetentionDeps, signal: AbortSignal): Promise<RetentionMaterial> {
  const { policy, cap } = retentionOf(d.installation.config, dataset);
  const repository = d.installation.primaryRepository(dataset);
  const found = await listRetained(repository, dataset, signal);
  const known = await loadKnowledge({ dataset, repository: repository.name }, d.catalog);
  return { ...found, dataset, repository, known, policy, cap, now: earlierOf(d.now(), found.storeNow) };
}

/** `asked`: as if an operator had asked for the deletion of these. */
export function decidePlan(
  { known, policy, cap, now, dataset, repository, ...found }: RetentionMaterial,
  asked: ReadonlyMap<string, DeletionRequest> = new Map(),
): DatasetPlan {
  const givenUp = new Map(
    known.backups.flatMap(({ id, givenUpAs }) => (givenUpAs === null ? [] : [[String(id), givenUpAs]])),
  );
  const retained = found.backups.map((each) => ({ ...each, backup: withKnowledge(each, known, asked) }));
  const candidates = retained.map(({ backup }) => backup);
  const counted = candidates.filter(({ id }) => !givenUp.has(id));
  const plan = decideRetention(counted, policy, now, known);
  const left = candidates
    .filter(({ id }) => givenUp.has(id))
    .map((backup) => decideGivenUp(backup, givenUp, plan.refusal));
  const byId = new Map(retained.map((each) => [each.backup.id, each]));
  return {
    ...{ dataset, repository: repository.name, refusal: plan.refusal, cap, halfDeleted: found.halfDeleted },
    backups: [...plan.decisions, ...left].flatMap((decision) => {
      const planned = byId.get(decision.id);
      return planned === undefined ? [] : [{ ...toPlanned(planned), ...decision }];
    }),
    damaged: found.damaged.map(({ backupId, error, holds, ...damaged }) => ({
      ...{ id: backupId, problem: toProblem(error).message, isMarked: damaged.isMarked },
      ...{
        isDeletionRequested: (asked.get(backupId) ?? damaged.asked) !== null,
        heldBy: [...holds, ...usesOf(backupId, known)],
      },
    })),
  };
}

/**
 * A manifest may have come at the moment at which its run was cancelled or failed for good: nobody was told of that backup, so it
 * counts for no rule and goes with the next sweep. While backups fail it may be the newest that there is, and stays.
 */
function decideGivenUp(
  { id, asked }: RetainedBackup,
  givenUp: ReadonlyMap<string, string>,
  refusal: string | null,
): RetentionDecision {
  if (refusal !== null && asked === null) return { id, isKept: true, reasons: [refusal] };
  return {
    id,
    isKept: false,
    reasons: [`its run was ${givenUp.get(id) ?? 'given up'}, so it was never called a backup`],
  };
}

/** A clock that is ahead would expire what is young: of ours and the store's, the one that keeps more. */
const earlierOf = (one: Date, other: Date): Date => (one < other ? one : other);

/** Throws: catalog.unavailable. */
export async function loadKnowledge(
  { dataset, repository }: { readonly dataset: string; readonly repository: string },
  catalog: Catalog | undefined,
): Promise<CatalogKnowledge> {
  if (catalog === undefined) return NOTHING_KNOWN;
  return catalog.transaction(async ({ retention, proofs }) => ({
    isFailing: await retention.isFailing(dataset),
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
  return { ...backup, ...standing, holds, asked: asked.get(backup.id) ?? backup.asked };
}

const toPlanned = ({ manifest, isMarked, backup }: Retained) => ({
  ...{ snapshotAt: manifest.snapshotAt, purpose: manifest.purpose },
  ...{ sizeBytes: totalBytes(manifest), isMarked },
  ...{ isDamaged: backup.isDamaged, isVerified: backup.isVerified, isDeletionRequested: backup.asked !== null },
});
