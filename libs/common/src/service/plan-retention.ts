import type { Catalog } from '#common/catalog/catalog.js';
import type { BackupUse, CatalogBackup } from '#common/catalog/stores/retention.store.js';
import { totalBytes } from '#common/contracts/manifest.js';
import { type Proof, weighProofs } from '#common/domain/proof.js';
import { decideRetention } from '#common/domain/retention.policy.js';
import { toProblem } from '#common/errors/app-error.js';
import { listRetained, type Retained } from '#common/operations/list-retained.js';
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
  readonly reasons: readonly string[];
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
  readonly damaged: readonly { readonly id: string; readonly problem: string }[];
}

export interface CatalogKnowledge {
  readonly isFailing: boolean;
  readonly backups: readonly CatalogBackup[];
  readonly uses: readonly BackupUse[];
  /** By backup; some of them no repository took. */
  readonly proofs: ReadonlyMap<string, readonly Proof[]>;
}

const NOTHING_KNOWN: CatalogKnowledge = { isFailing: false, backups: [], uses: [], proofs: new Map() };

/** What retention would do to a dataset now; changes nothing. Throws: request.refused, repository.*, catalog.unavailable. */
export async function planRetention(dataset: string, d: RetentionDeps, signal: AbortSignal): Promise<DatasetPlan> {
  const { policy, cap } = retentionOf(d.installation.config, dataset);
  const repository = d.installation.primaryRepository(dataset);
  const found = await listRetained(repository, dataset, signal);
  const known = await loadKnowledge({ dataset, repository: repository.name }, d.catalog);
  const givenUp = new Map(
    known.backups.flatMap(({ id, givenUpAs }) => (givenUpAs === null ? [] : [[String(id), givenUpAs]])),
  );
  const candidates = found.backups
    .filter(({ backup }) => !givenUp.has(backup.id))
    .map((retained) => withKnowledge(retained, known));
  const plan = decideRetention(candidates, policy, earlierOf(d.now(), found.storeNow), known);
  const decisions = [...plan.decisions, ...decideGivenUp(givenUp, plan.refusal)];
  const byId = new Map(found.backups.map((retained) => [retained.backup.id, retained]));
  return {
    ...{ dataset, repository: repository.name, refusal: plan.refusal, cap, halfDeleted: found.halfDeleted },
    backups: decisions.flatMap((decision) => {
      const retained = byId.get(decision.id);
      return retained === undefined ? [] : [{ ...toPlanned(retained), ...decision }];
    }),
    damaged: found.damaged.map(({ backupId, error }) => ({ id: backupId, problem: toProblem(error).message })),
  };
}

/**
 * A manifest may have come at the moment at which its run was cancelled or failed for good: nobody was told of that backup, so it
 * counts for no rule and goes with the next sweep. While backups fail it may be the newest that there is, and stays.
 */
const decideGivenUp = (givenUp: ReadonlyMap<string, string>, refusal: string | null) =>
  [...givenUp].map(([id, endedAs]) => ({
    id,
    isKept: refusal !== null,
    reasons: [refusal ?? `its run was ${endedAs}, so it was never called a backup`],
  }));

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

function withKnowledge({ backup, proofs }: Retained, { uses, proofs: known }: CatalogKnowledge) {
  const runs = uses.filter(({ backupId }) => backupId === backup.id).map(({ kind, runId }) => `${kind} run ${runId}`);
  const { damage, verifiedAt } = weighProofs([...proofs, ...(known.get(backup.id) ?? [])]);
  const standing = { isVerified: verifiedAt !== null, isDamaged: damage.length > 0 };
  return { ...backup, ...standing, holds: [...backup.holds, ...runs] };
}

const toPlanned = ({ manifest, isMarked }: Retained) => ({
  ...{ snapshotAt: manifest.snapshot.takenAt, purpose: manifest.purpose },
  ...{ sizeBytes: totalBytes(manifest), isMarked },
});
