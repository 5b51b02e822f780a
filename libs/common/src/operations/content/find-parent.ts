import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import { type InspectedBackup, inspectListed } from '#common/repository/inspect-backup.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findProvenDamage } from '#common/repository/load-backup.js';
import type { ListedBackup } from '#common/repository/read-backups.js';
import { CONTENT_OBJECT } from './check-content.js';

export type NewBackup = Pick<Manifest, 'dataset' | 'backupId' | 'kind' | 'method'>;

export interface Parent {
  readonly manifest: Manifest;
  /** Names of shared objects that a check of any backup of the dataset has found to be damaged. */
  readonly damaged: ReadonlySet<string>;
}

/**
 * The newest good backup that a new one can share content with: of the same kind and method, sealed for the same recipients, so that who can open
 * the new one can open all of it. Only one whose id sorts before: a sweep that lists backups in order then sees both or neither. Not one that is older than a
 * backup whose shared objects were found to be damaged: a verdict lists the first of them only, and the older one may need the others too.
 * Throws: repository.*.
 */
export async function findParent(
  backup: NewBackup,
  repository: BackupRepository,
  o: ReadOptions,
): Promise<Parent | undefined> {
  const earlier: ListedBackup[] = [];
  for await (const [id, objects] of listByBackup(repository, backup.dataset, o))
    if (id < backup.backupId) earlier.unshift({ dataset: backup.dataset, backupId: id, objects });
  const damaged = new Set<string>();
  let parent: Manifest | undefined;
  for (const listed of earlier) {
    const found = await inspectListed(repository, listed, o);
    const damage = await findProvenDamage(repository, found, o);
    const isDamaged = found.damage !== undefined || damage.length > 0;
    if (!isDamaged && damaged.size === 0 && isAlike(found, backup, repository)) parent ??= found.manifest;
    for (const { object } of damage)
      if (object.startsWith(CONTENT_OBJECT)) damaged.add(object.slice(CONTENT_OBJECT.length));
  }
  return parent === undefined ? undefined : { manifest: parent, damaged };
}

function isAlike(
  { manifest, isMarked }: InspectedBackup,
  { kind, method }: NewBackup,
  { encryption }: BackupRepository,
): boolean {
  if (manifest?.references === undefined || manifest.purpose !== 'regular' || isMarked) return false;
  return manifest.kind === kind && manifest.method === method && isSame(manifest.recipients, encryption.recipients);
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  [...a].sort().join('\n') === [...b].sort().join('\n');
