import type { Manifest } from '#common/contracts/manifest.js';
import { parseLatest } from '#common/contracts/names.js';
import { isUuid } from '#common/domain/ids.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { type InspectedBackup, inspectBackup } from '#common/repository/inspect-backup.js';
import { assertChain, loadLatestBackup } from '#common/repository/load-backup.js';
import { text } from './options.js';
import type { Options, VerbContext } from './verb.js';

/** How people name a backup: an id, `shop@latest` or `shop@latest:base`. */
type BackupReference = { readonly id: string } | { readonly dataset: string; readonly method: string | undefined };

export const backupArgument = ['<backup>', 'an id, or DATASET@latest, or DATASET@latest:METHOD'] as const;

export const methodOption = [
  '--method <name>',
  'with DATASET@latest: the latest by this method; default: by the first method of the dataset’s kind',
] as const;

/** The reference with what `--method` says. Throws: request.invalid for a backup that is not named as the latest, or by two methods. */
export function withMethod(reference: string, options: Options): string {
  const method = text(options, 'method');
  if (method === undefined) return reference;
  if (/^[^@]+@latest$/.test(reference)) return `${reference}:${method}`;
  throw new AppError('request.invalid', `--method says which latest backup; "${reference}" names one already`);
}

type Places = Pick<VerbContext, 'installation' | 'signal'>;

/** Throws: request.invalid. */
function parseBackupReference(reference: string): BackupReference {
  if (isUuid(reference)) return { id: reference };
  const [, dataset, wanted = ''] = /^([^@]+)@(.*)$/.exec(reference) ?? [];
  const latest = parseLatest(wanted);
  if (dataset !== undefined && latest !== undefined) return { dataset, ...latest };
  const hint =
    'Name a backup by its id, as DATASET@latest or as DATASET@latest:METHOD; `holdfast backup list` shows them.';
  throw new AppError('request.invalid', `"${reference}" is not a backup`, {}, { hint });
}

/** Finds the manifest in the repositories alone, so that it works with the catalog lost. Throws: backup.missing, backup.damaged. */
export async function loadManifest(reference: string, context: Places): Promise<Manifest> {
  const { manifest, damage, repository } = await locateBackup(reference, context);
  if (damage !== undefined) throw damage;
  await assertChain(repository, manifest, context);
  return manifest;
}

export type LocatedBackup = InspectedBackup & { readonly repository: BackupRepository };

export type LocatedManifest = LocatedBackup & { readonly manifest: Manifest };

/** The same, also of a backup that has lost an object: it still has holds, verdicts and a place on the bus. Throws: as loadManifest. */
export async function locateBackup(named: string, context: Places): Promise<LocatedManifest> {
  const found = await findLocated(named, context);
  const { manifest, damage } = found ?? {};
  if (found !== undefined && manifest !== undefined) return { ...found, manifest };
  if (damage !== undefined) throw damage;
  throw new AppError('backup.missing', `no repository holds a backup "${named}"`, {
    repositories: Object.keys(context.installation.config.repositories),
  });
}

/** Whatever state it is in, with or without a manifest that can be read. Throws: backup.missing, backup.damaged for `latest`; repository.*. */
export async function findLocated(named: string, { installation, signal }: Places): Promise<LocatedBackup | undefined> {
  const reference = parseBackupReference(named);
  if ('dataset' in reference) {
    const { dataset } = reference;
    const repository = installation.primaryRepository(dataset);
    const method = installation.method(dataset, reference.method);
    const { backupId } = await loadLatestBackup(repository, { dataset, method }, { signal });
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
