import { createHash, randomUUID } from 'node:crypto';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey, ReadOptions } from '#common/repository/backup-repository.js';
import { canaryKey, INDEX_CANARIES, indexCanaryKey } from '#common/repository/layout.js';
import { readObject } from '#common/repository/read-object.js';
import { Keyring } from '#common/sealing/keyring.js';
import { Sealing, unsealBytes } from '#common/sealing/sealing.js';
import { loadIndexKeys } from './content/content-names.js';

/** Level and threads hardly matter for a line of text. */
const COMPRESSION = { level: 3, threads: 1 };

/**
 * Leaves one small sealed object in the repository for every set of recipients that ever sealed a backup there. Opening it shows
 * whether the machine still has the identity, long before the night on which an operator needs a backup. Does nothing without recipients.
 * Throws: repository.*.
 */
export async function placeCanary(repository: BackupRepository, o: ReadOptions): Promise<void> {
  const { recipients } = repository.encryption;
  if (recipients.length > 0) await place(repository, toKey(recipients), { ...o, recipients });
}

/**
 * The same for the identity that names shared content: one canary for each that was ever used, so that another one is noticed. Does nothing
 * without identity. Throws: repository.*.
 */
export async function placeIndexCanary(repository: BackupRepository, index: Keyring, o: ReadOptions): Promise<void> {
  const [recipient] = index.recipients;
  if (recipient !== undefined) await place(repository, indexCanaryKey(recipient), { ...o, recipients: [recipient] });
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
  await open(repository, { key: toKey(recipients), keyring, what }, o);
}

/**
 * Opens a canary of the `indexIdentity` by which content is shared, placing it where none was shared yet. Returns the recipients of other
 * identities that were used here and are not configured.
 * Throws: config.invalid without one; sealing.identity-wrong, sealing.damaged; repository.*.
 */
export async function openIndexCanary(repository: BackupRepository, o: ReadOptions): Promise<readonly string[]> {
  const index = await loadIndexKeys(repository);
  const used = await listIndexRecipients(repository, o);
  const here = index.recipients.filter((recipient) => used.includes(recipient));
  if (used.length > 0 && here.length === 0) throw toWrongIndex(repository, used, index.recipients);
  if (used.length === 0) await placeIndexCanary(repository, index, o);
  const what = `the canary of the index identity of repository ${repository.name}`;
  const recipients = used.length === 0 ? index.recipients.slice(0, 1) : here;
  for (const recipient of recipients)
    await open(repository, { key: indexCanaryKey(recipient), keyring: index, what }, o);
  return used.filter((recipient) => !here.includes(recipient));
}

async function listIndexRecipients(repository: BackupRepository, o: ReadOptions): Promise<string[]> {
  const recipients: string[] = [];
  for await (const { key } of repository.list(INDEX_CANARIES, o)) {
    const name = key.slice(INDEX_CANARIES.length + 1);
    if (name.endsWith(SUFFIX)) recipients.push(name.slice(0, -SUFFIX.length));
  }
  return recipients;
}

const SUFFIX = '.zst.age';

function toWrongIndex({ name }: BackupRepository, used: readonly string[], here: readonly string[]): AppError {
  const where = `repositories.${name}.encryption.indexIdentity`;
  return new AppError(
    'sealing.identity-wrong',
    `content in repository ${name} is shared by the index identity of ${used.join(', ')}; ${where} is that of ${here.join(', ')}`,
    { used, available: here },
    {
      hint:
        `Set \`${where}\` to the identity of one of the recipients that the message names, then run \`holdfast keys check\`. ` +
        'Where it is lost for good, keep the new one: the next backup stores all content anew under it.',
    },
  );
}

interface Placing extends ReadOptions {
  readonly recipients: readonly string[];
}

async function place(repository: BackupRepository, key: ObjectKey, { recipients, ...o }: Placing): Promise<void> {
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

interface Opening {
  readonly key: ObjectKey;
  readonly keyring: Keyring;
  readonly what: string;
}

async function open(repository: BackupRepository, { key, keyring, what }: Opening, o: ReadOptions): Promise<void> {
  const sealed = await readObject(repository, key, o);
  try {
    const text = await unsealBytes(sealed, { compression: 'zstd', encryption: 'age' }, keyring);
    JSON.parse(Buffer.from(text).toString('utf8'));
  } catch (cause) {
    const message = `${what} (${key}) cannot be opened by the identity of its recipient`;
    throw new AppError('sealing.damaged', message, { key }, { cause });
  }
}

const toKey = (recipients: readonly string[]): ObjectKey =>
  canaryKey(
    createHash('sha256')
      .update([...recipients].sort().join('\n'))
      .digest('hex')
      .slice(0, 32),
  );
