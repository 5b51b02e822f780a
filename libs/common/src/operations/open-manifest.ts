import { buffer } from 'node:stream/consumers';
import { FACTS_NAME, type Manifest, type OpenManifest } from '#common/contracts/manifest.js';
import { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { unsealBytes } from '#common/sealing/sealing.js';
import { checkedBody } from './spool-object.js';

/**
 * Reads what the snapshot of a backup holds, which an encrypted backup keeps inside its seal. Asked before anything is touched: it fails
 * where the backup could not be opened. Throws: sealing.*, backup.corrupt; repository.*; config.invalid.
 */
export async function openManifest(
  manifest: Manifest,
  repository: BackupRepository,
  signal: AbortSignal,
): Promise<OpenManifest> {
  const keyring = await Keyring.of(repository);
  keyring.assertOpens(manifest.recipients, `backup ${manifest.backupId}`);
  const snapshot = manifest.facts ?? (await unsealFacts(manifest, { repository, keyring, signal }));
  return { ...manifest, snapshot };
}

interface Opening {
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

async function unsealFacts(manifest: Manifest, { repository, keyring, signal }: Opening): Promise<SnapshotFacts> {
  const object = manifest.objects.find(({ name }) => name.startsWith(`${FACTS_NAME}.`));
  if (object === undefined)
    throw new AppError('backup.corrupt', `backup ${manifest.backupId} has facts neither in its manifest nor beside it`);
  const { key } = object;
  const sealed = await buffer(await checkedBody(object, repository, { signal }));
  try {
    const raw = await unsealBytes(sealed, object, keyring);
    return SnapshotFacts.parse(JSON.parse(Buffer.from(raw).toString('utf8')));
  } catch (cause) {
    throw new AppError('backup.corrupt', `object ${key} cannot be opened, or holds no facts`, { key }, { cause });
  }
}
