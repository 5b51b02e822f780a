import type { Manifest } from '#common/contracts/manifest.js';
import { type Damage, weighProofs } from '#common/domain/proof.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions } from './backup-repository.js';
import { type InspectedBackup, inspectBackup, inspectListed, toDamaged } from './inspect-backup.js';
import { listByBackup } from './list-by-backup.js';
import type { ListedBackup } from './read-backups.js';
import { readProofs } from './read-proofs.js';

/**
 * One backup that is whole; what proofs have said of its content is not asked, for who names it may have nothing else.
 * Throws: backup.missing; backup.damaged, naming what it lost; repository.*.
 */
export async function loadBackup(
  repository: BackupRepository,
  dataset: string,
  backupId: string,
  o: ReadOptions,
): Promise<Manifest> {
  const found = await inspectBackup(repository, { dataset, backupId }, o);
  if (found.damage !== undefined) throw found.damage;
  return found.manifest ?? missing(`${repository.location} holds no backup "${backupId}" of dataset "${dataset}"`);
}

/** The same, also when it has lost an object: its manifest still tells what it was. Throws: backup.missing, backup.damaged without a manifest. */
export async function loadEvenDamaged(
  repository: BackupRepository,
  dataset: string,
  backupId: string,
  o: ReadOptions,
): Promise<InspectedBackup & { readonly manifest: Manifest }> {
  const found = await inspectBackup(repository, { dataset, backupId }, o);
  const { manifest } = found;
  if (manifest !== undefined) return { ...found, manifest };
  if (found.damage !== undefined) throw found.damage;
  return missing(`${repository.location} holds no backup "${backupId}" of dataset "${dataset}"`);
}

/**
 * The newest regular backup. A newer one that is damaged or cannot be read is an error that names the newest good one, and never passed
 * over: who restores an older state must choose it. Throws: backup.missing, backup.damaged; repository.*.
 */
export async function loadLatestBackup(
  repository: BackupRepository,
  dataset: string,
  o: ReadOptions,
): Promise<Manifest> {
  const newest: ListedBackup[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, o))
    newest.unshift({ dataset, backupId, objects });
  let refusal: AppError | undefined;
  for (const listed of newest) {
    const found = await inspectListed(repository, listed, o);
    const { manifest, damage } = found;
    if (manifest?.purpose === 'safety' || (manifest === undefined && damage === undefined)) continue;
    const error = damage ?? (await findFailure(repository, found, o));
    if (manifest !== undefined && error === undefined)
      return refusal === undefined ? manifest : refuse(refusal, `The newest good one is ${toText(manifest)}`);
    refusal ??= error;
  }
  if (refusal !== undefined) return refuse(refusal, 'There is no good one');
  throw new AppError('backup.missing', `dataset ${dataset} has no backup in ${repository.name}`, {
    dataset,
    repository: repository.name,
  });
}

/** What proofs say against its objects. */
export async function findProvenDamage(
  repository: BackupRepository,
  { manifest, objects }: Pick<InspectedBackup, 'manifest' | 'objects'>,
  o: ReadOptions,
): Promise<readonly Damage[]> {
  return manifest === undefined ? [] : weighProofs(await readProofs(repository, { manifest, objects }, o)).damage;
}

async function findFailure(
  repository: BackupRepository,
  found: InspectedBackup,
  o: ReadOptions,
): Promise<AppError | undefined> {
  const damage = await findProvenDamage(repository, found, o);
  return damage.length === 0 ? undefined : toDamaged(found, damage);
}

const toText = ({ backupId, snapshotAt }: Manifest): string => `${backupId} of ${snapshotAt}`;

function refuse({ code, message, context }: AppError, good: string): never {
  const hint = `${good}: name a backup by its id to restore it; \`holdfast backup list\` shows them all.`;
  throw new AppError(code, `the newest backup cannot be taken: ${message}`, context, { hint });
}

function missing(message: string): never {
  throw new AppError('backup.missing', message);
}
