import { createHash } from 'node:crypto';
import { pipeline, Readable, type TransformCallback } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { isEncryptedName, type SharedRef } from '#common/contracts/shared-ref.js';
import { AppError } from '#common/errors/app-error.js';
import { checkedBody } from '#common/operations/restore/spool-object.js';
import { CountAndDigest } from '#common/pipeline/count-and-digest.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { contentKey } from '#common/repository/layout.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { type SealedForm, toUnsealing, unsealBytes } from '#common/sealing/sealing.js';
import { SMALL_BYTES } from './content-writer.js';

export interface OpenSharedDeps {
  readonly dataset: string;
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

export const formOf = (name: string): SealedForm => ({
  compression: 'zstd',
  encryption: isEncryptedName(name) ? 'age' : 'none',
});

/** A shared object as the functions for a backup's own objects take it. */
export const toObject = (
  dataset: string,
  { name, sizeBytes, sha256 }: Pick<SharedRef, 'name' | 'sizeBytes' | 'sha256'>,
) => ({
  ...{ name, key: contentKey(dataset, name), sizeBytes, sha256 },
  ...formOf(name),
});

/**
 * One shared content, unsealed. A small one was checked before this resolves; of a large one the stream errors at its end, at the latest, when stored or
 * unsealed bytes are not the right ones. Throws, here or from the stream: backup.corrupt; engine.spawn; repository.*; the abort reason.
 */
export async function openShared(ref: SharedRef, d: OpenSharedDeps): Promise<Readable> {
  const isSmall = ref.sizeBytes <= 2 * SMALL_BYTES && ref.contentBytes <= SMALL_BYTES;
  return isSmall ? openSmall(ref, d) : openLarge(ref, d);
}

async function openSmall(ref: SharedRef, { dataset, repository, keyring, signal }: OpenSharedDeps): Promise<Readable> {
  const sealed = await buffer(await checkedBody(toObject(dataset, ref), repository, { signal }));
  const content = await unsealBytes(sealed, formOf(ref.name), keyring).catch((cause: unknown) => {
    throw toUnopened(dataset, ref, cause);
  });
  if (content.length !== ref.contentBytes || createHash('sha256').update(content).digest('hex') !== ref.contentSha256)
    throw toDifferent(dataset, ref);
  return Readable.from([content]);
}

async function openLarge(ref: SharedRef, { dataset, repository, keyring, signal }: OpenSharedDeps): Promise<Readable> {
  const input = await checkedBody(toObject(dataset, ref), repository, { signal });
  const { stdout } = spawnChain(toUnsealing(formOf(ref.name), keyring), { signal, input });
  const check = new ContentCheck(dataset, ref);
  pipeline(stdout, check, (error) => {
    if (error && !signal.aborted) check.destroy(toCause(error, dataset, ref));
  });
  return check;
}

/** A program that opens stops at the first bad byte: the bytes are the cause, its exit status the symptom. */
function toCause(error: Error, dataset: string, ref: SharedRef): Error {
  const isExit = error instanceof AppError && error.code === 'engine.exit' && error.context['exitCode'] !== null;
  return isExit ? toUnopened(dataset, ref, error) : error;
}

/** Fails at the end unless the content is that of the reference. */
class ContentCheck extends CountAndDigest {
  constructor(
    private readonly dataset: string,
    private readonly ref: SharedRef,
  ) {
    super();
  }

  override _flush(done: TransformCallback): void {
    const isWhole = this.sizeBytes === this.ref.contentBytes && this.sha256 === this.ref.contentSha256;
    done(isWhole ? null : toDifferent(this.dataset, this.ref));
  }
}

const toDifferent = (dataset: string, { name }: SharedRef): AppError =>
  new AppError('backup.corrupt', `${contentKey(dataset, name)} holds another content than its inventory says`);

const toUnopened = (dataset: string, { name }: SharedRef, cause: unknown): AppError =>
  new AppError('backup.corrupt', `object ${contentKey(dataset, name)} cannot be opened`, {}, { cause });
