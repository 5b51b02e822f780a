import type { Manifest } from '#common/contracts/manifest.js';
import { toJudged, VerdictDocument } from '#common/contracts/verdict-document.js';
import { type Judged, type Proof, toProof } from '#common/domain/proof.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import { isVerdictKey } from './layout.js';
import { findJson } from './read-object.js';

/**
 * Every proof of a backup that lies beside it, oldest first: what is known without a catalog. `objects`: everything below the backup's
 * prefix. Throws: repository.*.
 */
export async function readProofs(
  repository: BackupRepository,
  { manifest, objects }: { readonly manifest: Manifest; readonly objects: readonly StoredObject[] },
  o: ReadOptions,
): Promise<Proof[]> {
  const { backupId, attemptKey } = manifest;
  return (await readVerdicts(repository, { backupId, attemptKey, objects }, o)).map(toProof);
}

export interface VerdictsOf {
  readonly backupId: string;
  /** The attempt that counts. */
  readonly attemptKey: string;
  readonly objects: readonly StoredObject[];
}

/** A verdict about another attempt is about other objects; one that cannot be parsed proves nothing. Throws: repository.*. */
export async function readVerdicts(
  repository: BackupRepository,
  { backupId, attemptKey, objects }: VerdictsOf,
  o: ReadOptions,
): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const { key } of objects.filter((object) => isVerdictKey(object.key))) {
    const verdict = await findJson(repository, key, { ...o, schema: VerdictDocument });
    if (verdict?.backupId === backupId && (verdict.attemptKey ?? attemptKey) === attemptKey)
      judged.push(toJudged(verdict));
  }
  return judged;
}
