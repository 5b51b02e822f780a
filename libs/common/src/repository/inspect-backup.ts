import type { Manifest } from '#common/contracts/manifest.js';
import { type Damage, toDamageText } from '#common/domain/proof.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions } from './backup-repository.js';
import type { HeldBackup } from './holds.js';
import { expiringKey, findAttemptKey, sweptKey } from './layout.js';
import { findAmong, isAboutManifest, type ListedBackup, listObjects } from './read-backups.js';

/** What one listing shows of a backup. */
export interface InspectedBackup extends ListedBackup {
  readonly keys: readonly string[];
  /** Of the attempt that counts, damaged or not. Undefined when none has a manifest that can be read. */
  readonly manifest: Manifest | undefined;
  /** A sweep has marked it for deletion. */
  readonly isMarked: boolean;
  /** Its deletion was published and has begun: a sweep can only finish it. */
  readonly isHalfDeleted: boolean;
  /**
   * `backup.damaged`: it has lost an object, or its manifest says nothing, and no deletion explains that. `repository.format`: another
   * version of Holdfast wrote it. Such a backup counts for nothing, and nothing of it is deleted by rules.
   */
  readonly damage: AppError | undefined;
}

/** Throws: repository.*. */
export async function inspectBackup(
  repository: BackupRepository,
  { dataset, backupId }: HeldBackup,
  o: ReadOptions,
): Promise<InspectedBackup> {
  return inspectListed(repository, await listObjects(repository, { dataset, backupId }, o), o);
}

/** The same, when everything below the backup's prefix has been listed already. */
export async function inspectListed(
  repository: BackupRepository,
  listed: ListedBackup,
  o: ReadOptions,
): Promise<InspectedBackup> {
  const { dataset, backupId, objects } = listed;
  const keys = objects.map(({ key }) => key);
  const { found, unreadable } = await findAmong(repository, listed, o).then(
    (of) => ({ found: of, unreadable: undefined }),
    (error: unknown) => ({ found: undefined, unreadable: toUnreadable(listed, error) }),
  );
  const isMarked = keys.includes(expiringKey(dataset, backupId));
  const isHalfDeleted = isMarked && listAttemptKeys(keys).every(isSweptAmong(keys));
  const lost = isHalfDeleted
    ? []
    : (found?.lost ?? (isMarked ? [{ object: 'manifest.json', problem: 'is missing' }] : []));
  const damage = unreadable ?? (lost.length > 0 ? toDamaged(listed, lost) : undefined);
  return { dataset, backupId, objects, keys, manifest: found?.manifest, isMarked, isHalfDeleted, damage };
}

/** The one state of a backup that lost something, with the objects, for all who read it. */
export const toDamaged = (
  { dataset, backupId }: HeldBackup,
  damage: readonly Damage[],
  options: ErrorOptions & { readonly hint?: string } = {},
): AppError =>
  new AppError(
    'backup.damaged',
    `backup ${backupId} of ${dataset} is damaged: ${toDamageText(damage)}`,
    { dataset, backupId, damage },
    options,
  );

/** What an error of `toDamaged` names. */
export const damageOf = ({ context }: AppError): readonly Damage[] => (context['damage'] ?? []) as readonly Damage[];

function toUnreadable(backup: HeldBackup, error: unknown): AppError {
  if (!isAboutManifest(error)) throw error;
  if (error.code === 'repository.format') return error;
  return toDamaged(backup, [{ object: 'manifest.json', problem: error.message }], { cause: error });
}

/** A deletion marks every attempt before it takes the first object, and takes the markers last; a listing may be short, so all must show. */
const isSweptAmong = (keys: readonly string[]) => (attemptKey: string) => keys.includes(sweptKey(attemptKey));

export const listAttemptKeys = (keys: readonly string[]): string[] => [
  ...new Set(keys.flatMap((key) => findAttemptKey(key) ?? [])),
];
