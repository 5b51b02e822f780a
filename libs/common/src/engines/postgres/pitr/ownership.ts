import { chown, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '#common/errors/app-error.js';
import type { SystemUser } from '#common/process/command.js';

/**
 * Who PostgreSQL runs as in a data directory: ourselves, or, where we are root, which PostgreSQL refuses, the owner of the folder in which the
 * directory is made. Throws: recovery.directory.
 */
export async function ownerFor(directory: string): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const parent = dirname(directory);
  const found = await stat(parent).catch((cause: unknown) => {
    throw new AppError('recovery.directory', `${parent} is no folder to make a data directory in`, {}, { cause });
  });
  if (found.uid !== 0) return { uid: found.uid, gid: found.gid };
  throw new AppError('recovery.directory', `${parent} belongs to root, as whom PostgreSQL does not run`);
}

export const giveTo = async (path: string, owner: SystemUser | undefined): Promise<void> => {
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
};
