import type { Manifest } from '#common/contracts/manifest.js';
import { toJudged, VerdictDocument } from '#common/contracts/verdict-document.js';
import { type Judged, type Proof, toProof } from '#common/domain/proof.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey, ReadOptions, StoredObject } from './backup-repository.js';
import { isVerdictKey } from './layout.js';
import { readObject } from './read-object.js';

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
    const verdict = await readVerdict(repository, key, o);
    if (verdict?.backupId === backupId && (verdict.attemptKey ?? attemptKey) === attemptKey)
      judged.push(toJudged(verdict));
  }
  return judged;
}

async function readVerdict(
  repository: BackupRepository,
  key: ObjectKey,
  o: ReadOptions,
): Promise<VerdictDocument | undefined> {
  try {
    const text = Buffer.from(await readObject(repository, key, o)).toString('utf8');
    return VerdictDocument.safeParse(JSON.parse(text)).data;
  } catch (error) {
    const isGone = error instanceof AppError && error.code === 'repository.object-missing';
    if (isGone || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
