import type { Manifest } from '#common/contracts/manifest.js';
import { isUuid } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { type InspectedBackup, inspectBackup } from '#common/repository/inspect-backup.js';
import { loadLatestBackup } from '#common/repository/load-backup.js';
import type { VerbContext } from './verb.js';

/** How people name a backup: an id, or `shop@latest`. */
type BackupReference = { readonly id: string } | { readonly dataset: string };

type Places = Pick<VerbContext, 'installation' | 'signal'>;

/** Throws: request.invalid. */
function parseBackupReference(text: string): BackupReference {
  if (isUuid(text)) return { id: text };
  const [, dataset] = /^([^@]+)@latest$/.exec(text) ?? [];
  if (dataset !== undefined) return { dataset };
  const hint = 'Name a backup by its id or as DATASET@latest; `holdfast backup list` shows them.';
  throw new AppError('request.invalid', `"${text}" is not a backup`, {}, { hint });
}

/** Finds the manifest in the repositories alone, so that it works with the catalog lost. Throws: backup.missing, backup.damaged. */
export async function loadManifest(text: string, context: Places): Promise<Manifest> {
  const { manifest, damage } = await locateBackup(text, context);
  if (damage !== undefined) throw damage;
  return manifest;
}

export type LocatedBackup = InspectedBackup & { readonly repository: BackupRepository };

export type LocatedManifest = LocatedBackup & { readonly manifest: Manifest };

/** The same, also of a backup that has lost an object: it still has holds, verdicts and a place on the bus. Throws: as loadManifest. */
export async function locateBackup(text: string, context: Places): Promise<LocatedManifest> {
  const found = await findLocated(text, context);
  const { manifest, damage } = found ?? {};
  if (found !== undefined && manifest !== undefined) return { ...found, manifest };
  if (damage !== undefined) throw damage;
  throw new AppError('backup.missing', `no repository holds a backup "${text}"`, {
    repositories: Object.keys(context.installation.config.repositories),
  });
}

/** Whatever state it is in, with or without a manifest that can be read. Throws: backup.missing, backup.damaged for `latest`; repository.*. */
export async function findLocated(text: string, { installation, signal }: Places): Promise<LocatedBackup | undefined> {
  const reference = parseBackupReference(text);
  if ('dataset' in reference) {
    const { dataset } = reference;
    const repository = installation.primaryRepository(dataset);
    const { backupId } = await loadLatestBackup(repository, dataset, { signal });
    return { repository, ...(await inspectBackup(repository, { dataset, backupId }, { signal })) };
  }
  for (const dataset of Object.keys(installation.config.datasets)) {
    for (const repository of installation.repositoriesOf(dataset)) {
      const found = await inspectBackup(repository, { dataset, backupId: reference.id }, { signal });
      if (found.manifest !== undefined || found.damage !== undefined || found.isHalfDeleted)
        return { repository, ...found };
    }
  }
  return undefined;
}
