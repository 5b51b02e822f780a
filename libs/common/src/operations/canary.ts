import { createHash, randomUUID } from 'node:crypto';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey, ReadOptions } from '#common/repository/backup-repository.js';
import { canaryKey } from '#common/repository/layout.js';
import { readObject } from '#common/repository/read-object.js';
import { Keyring } from '#common/sealing/keyring.js';
import { Sealing, unsealBytes } from '#common/sealing/sealing.js';

/** Level and threads hardly matter for a line of text. */
const COMPRESSION = { level: 3, threads: 1 };

/**
 * Leaves one small sealed object in the repository for every set of recipients that ever sealed a backup there. Opening it shows
 * whether the machine still has the identity, long before the night on which an operator needs a backup. Does nothing without recipients.
 * Throws: repository.*.
 */
export async function placeCanary(repository: BackupRepository, o: ReadOptions): Promise<void> {
  const { recipients } = repository.encryption;
  if (recipients.length === 0) return;
  const key = toKey(recipients);
  if ((await repository.stat(key, o)) !== undefined) return;
  const sealing = new Sealing({ compression: COMPRESSION, recipients });
  const text = JSON.stringify({ canary: randomUUID(), recipients: [...recipients].sort() });
  const sealed = await sealing.bytes(Buffer.from(`${text}\n`));
  try {
    await repository.put(key, sealed, { ...o, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'repository.exists')) throw error;
  }
}

/**
 * Opens the canary of the recipients that the configuration names, placing it first where there is none.
 * Throws: sealing.identity-missing, sealing.identity-wrong, sealing.damaged; repository.*; config.invalid.
 */
export async function openCanary(repository: BackupRepository, o: ReadOptions): Promise<void> {
  const { recipients } = repository.encryption;
  const keyring = await Keyring.of(repository);
  const what = `the canary of repository ${repository.name}`;
  keyring.assertOpens(recipients, what);
  await placeCanary(repository, o);
  const key = toKey(recipients);
  const sealed = await readObject(repository, key, o);
  try {
    const text = await unsealBytes(sealed, { compression: 'zstd', encryption: 'age' }, keyring);
    JSON.parse(Buffer.from(text).toString('utf8'));
  } catch (cause) {
    throw new AppError(
      'sealing.damaged',
      `${what} (${key}) cannot be opened by the identity of its recipient`,
      { key },
      { cause },
    );
  }
}

const toKey = (recipients: readonly string[]): ObjectKey =>
  canaryKey(
    createHash('sha256')
      .update([...recipients].sort().join('\n'))
      .digest('hex')
      .slice(0, 32),
  );
