import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';

/** The object of a backup by its unsealed name. Throws: backup.corrupt. */
export function objectOf({ backupId, objects }: Pick<Manifest, 'backupId' | 'objects'>, name: string): ManifestObject {
  const object = objects.find((each) => each.name.replace(/(\.zst)?(\.age)?$/, '') === name);
  if (object !== undefined) return object;
  throw new AppError('backup.corrupt', `backup ${backupId} has no object ${name}`, { backupId, name });
}
