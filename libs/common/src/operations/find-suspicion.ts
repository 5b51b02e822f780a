import { type Manifest, totalBytes } from '#common/contracts/manifest.js';
import { type BackupExtent, findSuspicion } from '#common/domain/suspicion.policy.js';
import { readAcceptance } from '#common/repository/acceptance.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { inspectListed } from '#common/repository/inspect-backup.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import type { ListedBackup } from '#common/repository/read-backups.js';

/** Enough for what is usual; and no more are read to find these. */
const COMPARED = 5;
const LOOKED_AT = 25;

interface Asked {
  readonly dataset: { readonly name: string };
  readonly backupId: string;
  readonly method: string;
  readonly purpose: Manifest['purpose'];
}

interface ComparedIn {
  readonly engine: { readonly kind: string };
  readonly repository: BackupRepository;
}

/** Why a backup that is about to exist is unlike those before it; `varying` are counts that differ from backup to backup. */
export type Suspect = (manifest: Manifest, varying: readonly string[]) => string[];

/**
 * Compares with those before it by its method; a safety backup is compared with none. They are read now, before the source is opened: a repository that cannot
 * be read costs nothing yet. Throws: repository.*.
 */
export async function compareWithEarlier(
  { dataset: { name: dataset }, backupId, method, purpose }: Asked,
  { engine: { kind }, repository }: ComparedIn,
  signal: AbortSignal,
): Promise<Suspect> {
  if (purpose !== 'regular') return () => [];
  const newestFirst: ListedBackup[] = [];
  for await (const [id, objects] of listByBackup(repository, dataset, { signal }))
    if (id < backupId) newestFirst.unshift({ dataset, backupId: id, objects });
  const earlier: BackupExtent[] = [];
  for (const listed of newestFirst.slice(0, LOOKED_AT)) {
    if (earlier.length === COMPARED) break;
    const { manifest: other, damage, isMarked } = await inspectListed(repository, listed, { signal });
    if (other === undefined || damage !== undefined || isMarked || !isAlike({ kind, method }, other)) continue;
    if (await isTrusted(other, repository, signal)) earlier.push(toExtent(other));
  }
  return (manifest, varying) => findSuspicion(toExtent(manifest), earlier, varying);
}

const isAlike = ({ kind, method }: Pick<Manifest, 'kind' | 'method'>, other: Manifest): boolean =>
  other.kind === kind && other.method === method && other.purpose === 'regular';

/** Two strange ones in a row do not become usual by themselves. */
const isTrusted = async (manifest: Manifest, repository: BackupRepository, signal: AbortSignal): Promise<boolean> =>
  manifest.suspicious.length === 0 || (await readAcceptance(repository, manifest, { signal })) !== null;

function toExtent(manifest: Manifest): BackupExtent {
  const { sourceSizeBytes, counts, needs, inventory, references } = manifest;
  const isWhole = needs.length === 0 && inventory === undefined && references === undefined;
  return { sourceSizeBytes, counts, storedBytes: isWhole ? totalBytes(manifest) : null };
}
