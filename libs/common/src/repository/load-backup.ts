import type { Manifest } from '#common/contracts/manifest.js';
import { type Damage, toDamageText, weighProofs } from '#common/domain/proof.js';
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
  if (found.manifest !== undefined) await assertChain(repository, found.manifest, o);
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

/** What a backup builds on must be whole as well, to its beginning. Throws: backup.damaged, naming what is not; repository.*. */
export async function assertChain(
  repository: BackupRepository,
  { dataset, backupId, needs }: Pick<Manifest, 'dataset' | 'backupId' | 'needs'>,
  o: ReadOptions,
): Promise<void> {
  const broken = await findBrokenNeeds(repository, { dataset, needs }, o);
  if (broken.length > 0) throw toDamaged({ dataset, backupId }, broken);
}

export interface NeedsOptions extends ReadOptions {
  /** Whether what proofs have said of their content counts as well. */
  readonly withProofs?: boolean;
}

/** What is wrong with the backups that one builds on, and those that these build on. */
export async function findBrokenNeeds(
  repository: BackupRepository,
  { dataset, needs }: Pick<Manifest, 'dataset' | 'needs'>,
  { withProofs = false, ...o }: NeedsOptions,
): Promise<Damage[]> {
  const [broken, seen, open]: [Damage[], Set<string>, string[]] = [[], new Set(), [...needs]];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const found = await inspectBackup(repository, { dataset, backupId: id }, o);
    const { manifest, damage } = found;
    const proven = withProofs && damage === undefined ? await findProvenDamage(repository, found, o) : [];
    const problem =
      damage?.message ??
      (manifest === undefined ? 'is missing, and it builds on it' : undefined) ??
      (proven.length > 0 ? toDamageText(proven) : undefined);
    if (problem !== undefined) broken.push({ object: `backup ${id}`, problem });
    else open.push(...(manifest?.needs ?? []));
  }
  return broken;
}

/**
 * The newest regular backup by one method. A newer one that is damaged or cannot be read is an error that names the newest good one, and never passed
 * over: who restores an older state must choose it. Of one whose manifest cannot be read the method is unknown, so it counts for each. Throws: backup.missing, backup.damaged; repository.*.
 */
export async function loadLatestBackup(
  repository: BackupRepository,
  { dataset, method }: { readonly dataset: string; readonly method: string },
  o: ReadOptions,
): Promise<Manifest> {
  const newest: ListedBackup[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, o))
    newest.unshift({ dataset, backupId, objects });
  let refusal: AppError | undefined;
  const seen = new Set<string>();
  for (const listed of newest) {
    const found = await inspectListed(repository, listed, o);
    const { manifest, damage } = found;
    if (manifest?.purpose === 'regular') seen.add(manifest.method);
    if (!mayBeLatest(found, method)) continue;
    const error = damage ?? (await findFailure(repository, found, o));
    if (manifest !== undefined && error === undefined)
      return refusal === undefined ? manifest : refuse(refusal, `The newest good one is ${toText(manifest)}`);
    refusal ??= error;
  }
  if (refusal !== undefined) return refuse(refusal, 'There is no good one');
  throw toNoLatest({ dataset, method, repository: repository.name }, [...seen]);
}

/** One whose manifest cannot be read may be of any method. */
const mayBeLatest = ({ manifest, damage }: InspectedBackup, method: string): boolean =>
  manifest === undefined ? damage !== undefined : manifest.purpose === 'regular' && manifest.method === method;

function toNoLatest(
  wanted: { dataset: string; method: string; repository: string },
  others: readonly string[],
): AppError {
  const { dataset, method, repository } = wanted;
  const [other] = others;
  if (other === undefined)
    return new AppError('backup.missing', `dataset ${dataset} has no backup in ${repository}`, wanted);
  const message = `dataset ${dataset} has no backup by ${method} in ${repository}, but by ${others.join(', ')}`;
  const hint = `Name the method: \`${dataset}@latest:${other}\`; \`holdfast backup list\` shows them all.`;
  return new AppError('backup.missing', message, { ...wanted, others }, { hint });
}

/** What proofs say against its objects. */
export async function findProvenDamage(
  repository: BackupRepository,
  { manifest, objects }: Pick<InspectedBackup, 'manifest' | 'objects'>,
  o: ReadOptions,
): Promise<readonly Damage[]> {
  return manifest === undefined ? [] : weighProofs(await readProofs(repository, { manifest, objects }, o)).damage;
}

/** What stands against a backup that has all of its own objects: what it builds on is broken, or a proof failed. Throws: repository.*. */
export async function findFailure(
  repository: BackupRepository,
  found: InspectedBackup,
  o: ReadOptions,
): Promise<AppError | undefined> {
  const chain = { dataset: found.dataset, needs: found.manifest?.needs ?? [] };
  const broken = await findBrokenNeeds(repository, chain, { ...o, withProofs: true });
  const damage = [...broken, ...(await findProvenDamage(repository, found, o))];
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
