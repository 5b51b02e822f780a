import { buffer } from 'node:stream/consumers';
import type { ZodType } from 'zod';
import { FACTS_NAME, type Manifest, type OpenManifest } from '#common/contracts/manifest.js';
import type { InventoryEntry } from '#common/contracts/shared-ref.js';
import { loadEngine } from '#common/engines/engines.js';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { unsealBytes } from '#common/sealing/sealing.js';
import { readInventory } from './content/references.js';
import { checkedBody } from './restore/spool-object.js';

/** A backup whose seal was opened. */
export interface OpenedBackup<F extends object = object> {
  readonly manifest: OpenManifest<F>;
  /** Opens its objects. */
  readonly keyring: Keyring;
  /** Of a backup that shares content: what it holds, sorted by key. Throws while it is read: backup.corrupt; repository.*. */
  inventory(signal: AbortSignal): AsyncIterable<InventoryEntry>;
}

export interface OpenBackupDeps<F extends object> {
  readonly repository: BackupRepository;
  /** Of the backup's kind. */
  readonly engine: { readonly kind: string; readonly facts: ZodType<F> };
}

/**
 * Reads what the snapshot of a backup holds, which an encrypted backup keeps inside its seal. Asked before anything is touched: it fails
 * where the backup could not be opened. Throws: sealing.*, backup.corrupt, backup.unknown-kind; repository.*; config.invalid.
 */
export async function openBackup<F extends object>(
  manifest: Manifest,
  { repository, engine }: OpenBackupDeps<F>,
  signal: AbortSignal,
): Promise<OpenedBackup<F>> {
  assertKind(manifest, engine.kind);
  const keyring = await Keyring.of(repository);
  keyring.assertOpens(manifest.recipients, `backup ${manifest.backupId}`);
  const facts = manifest.facts ?? (await unsealFacts(manifest, { repository, keyring, signal }));
  const snapshot = engine.facts.safeParse(facts);
  const inventory: OpenedBackup['inventory'] = (until) =>
    readInventory(manifest, repository, { keyring, signal: until });
  if (snapshot.success) return { manifest: { ...manifest, snapshot: snapshot.data }, keyring, inventory };
  const problems = snapshot.error.issues.slice(0, 5).map((issue) => toIssueText(issue, 'facts'));
  throw new AppError(
    'backup.corrupt',
    `the facts of backup ${manifest.backupId} are not valid: ${problems.join('; ')}`,
  );
}

/** The configuration may call another kind of dataset by the name of an earlier dataset. */
function assertKind({ kind, dataset, backupId }: Manifest, wanted: string): void {
  if (kind === wanted) return;
  loadEngine(kind, `backup ${backupId}`);
  throw new AppError(
    'backup.unknown-kind',
    `backup ${backupId} is of kind ${kind}, and dataset "${dataset}" is configured as ${wanted}`,
    { kind, wanted },
  );
}

interface Opening {
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

async function unsealFacts(manifest: Manifest, { repository, keyring, signal }: Opening): Promise<unknown> {
  const object = manifest.objects.find(({ name }) => name.startsWith(`${FACTS_NAME}.`));
  if (object === undefined)
    throw new AppError('backup.corrupt', `backup ${manifest.backupId} has facts neither in its manifest nor beside it`);
  const { key } = object;
  const sealed = await buffer(await checkedBody(object, repository, { signal }));
  try {
    const raw = await unsealBytes(sealed, object, keyring);
    return JSON.parse(Buffer.from(raw).toString('utf8'));
  } catch (cause) {
    throw new AppError('backup.corrupt', `object ${key} cannot be opened, or holds no facts`, { key }, { cause });
  }
}
