import { createHmac } from 'node:crypto';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';

/** SHA-256 of a content, lower-case hex → the digest in the names of the objects that hold it. */
export type ToDigest = (contentSha256: string) => string;

/**
 * The second identity of an encrypted repository: executors hold it, and no restore needs it.
 * Throws: config.invalid for an encrypted repository without one.
 */
export async function loadIndexKeys({ name, encryption }: BackupRepository): Promise<Keyring> {
  const where = `repositories.${name}.encryption.indexIdentity`;
  if (encryption.recipients.length === 0) return Keyring.empty;
  if (encryption.indexIdentity !== undefined) return Keyring.parse(encryption.indexIdentity, where);
  const hint = 'Make one by `holdfast keys generate`, keep it where backups run, and name its file with `${file:…}`.';
  throw new AppError(
    'config.invalid',
    `${where} is missing, and the dataset shares content between backups`,
    {},
    { hint },
  );
}

/**
 * In a plain repository the digest is the content's own. In an encrypted one the digest is keyed: who sees only names and sizes cannot find out
 * whether a file that he has is in a backup.
 */
export function toDigestOf(index: Keyring): ToDigest {
  const [key] = index.identities;
  if (key === undefined) return (sha256) => sha256;
  return (sha256) => createHmac('sha256', key).update(`holdfast content ${sha256}`).digest('hex');
}
