import { createWriteStream } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough, type Readable, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ManifestObject } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { CountAndDigest } from '#common/pipeline/count-and-digest.js';
import type { Command } from '#common/process/command.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { toUnsealing } from '#common/sealing/sealing.js';

export interface SpoolOptions {
  readonly signal: AbortSignal;
  readonly keyring: Keyring;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Fetches one object of a backup, unsealed, into a file, and proves on the way that the stored bytes are those that the manifest
 * lists. Throws: backup.corrupt, restore.spool-full; repository.*; the abort reason.
 */
export async function spoolObject(
  object: ManifestObject,
  repository: BackupRepository,
  file: string,
  o: SpoolOptions,
): Promise<void> {
  await assertSpace(object, dirname(file));
  try {
    if (isRaw(object)) await copy(object, repository, file, o);
    else await unseal(object, repository, file, o);
  } catch (error) {
    o.signal.throwIfAborted();
    if (isDiskFull(error)) throw spoolFull(dirname(file), error);
    throw error;
  }
}

/** The stored bytes of one object; the stream errors at its end when they are not those of the manifest. Throws: repository.*. */
export async function checkedBody(
  object: ManifestObject,
  repository: BackupRepository,
  { signal, onBytes }: Omit<SpoolOptions, 'keyring'>,
): Promise<Readable> {
  const body = await repository.get(object.key, { signal });
  const check = new DigestCheck(object, onBytes);
  // The check carries the error on, to the reader.
  pipeline(body, check, { signal }).catch(() => undefined);
  return check;
}

/** Reads one object to its end, keeping nothing. Throws: backup.corrupt; repository.*. */
export async function checkObject(
  object: ManifestObject,
  repository: BackupRepository,
  o: Omit<SpoolOptions, 'keyring'>,
): Promise<void> {
  const body = await repository.get(object.key, { signal: o.signal });
  const check = new DigestCheck(object, o.onBytes);
  check.resume();
  await pipeline(body, check, { signal: o.signal });
}

async function copy(object: ManifestObject, repository: BackupRepository, file: string, o: SpoolOptions) {
  const body = await repository.get(object.key, { signal: o.signal });
  await pipeline(body, new DigestCheck(object, o.onBytes), createWriteStream(file), { signal: o.signal });
}

const isRaw = ({ compression, encryption }: ManifestObject): boolean => compression === 'none' && encryption === 'none';

async function unseal(
  object: ManifestObject,
  repository: BackupRepository,
  file: string,
  o: SpoolOptions,
): Promise<void> {
  const { output, proven } = await startUnsealing(object, repository, { ...o, file });
  output.resume();
  await proven;
}

/**
 * One object of a backup, unsealed, as a stream. Its end means that the stored bytes were those that the manifest lists; otherwise it
 * errors: backup.corrupt, repository.*, the abort reason. Throws: repository.*, sealing.*.
 */
export async function openObject(
  object: ManifestObject,
  repository: BackupRepository,
  o: SpoolOptions,
): Promise<Readable> {
  if (isRaw(object)) return checkedBody(object, repository, o);
  const { output, proven } = await startUnsealing(object, repository, o);
  const body = new PassThrough();
  // `proven` tells why, better.
  output.on('error', () => undefined);
  output.pipe(body, { end: false });
  proven.then(
    () => (output.readableEnded ? body.end() : output.once('end', () => body.end())),
    (error: Error) => body.destroy(error),
  );
  // A reader that gives up stops the programs too.
  body.once('close', () => output.destroy());
  return body;
}

/**
 * One object of a backup, unsealed, through a program, from one kernel pipe to the next. Resolves when the program exited 0 and the stored
 * bytes were those that the manifest lists. Throws: backup.corrupt, engine.exit, sealing.*; repository.*; the abort reason.
 */
export async function pipeObject(
  object: ManifestObject,
  through: Command,
  repository: BackupRepository,
  o: SpoolOptions,
): Promise<void> {
  const { output, proven } = await startUnsealing(object, repository, { ...o, through });
  output.resume();
  await proven;
}

interface UnsealingOptions extends SpoolOptions {
  /** Into which the programs write. */
  readonly file?: string;
  /** Behind the programs that unseal. */
  readonly through?: Command;
}

interface Unsealing {
  /** What the programs print: nothing where they write to a file. */
  readonly output: Readable;
  /** Resolves when every program exited 0 and the stored bytes were those of the manifest. */
  readonly proven: Promise<void>;
}

async function startUnsealing(
  object: ManifestObject,
  repository: BackupRepository,
  o: UnsealingOptions,
): Promise<Unsealing> {
  const { signal } = o;
  const body = await repository.get(object.key, { signal });
  const input = new PassThrough();
  const commands = [...toUnsealing(object, o.keyring, o.file), ...(o.through === undefined ? [] : [o.through])];
  const chain = spawnChain(commands, { signal, input });
  // A program that gives up stops the reading too.
  chain.ended.catch((error) => input.destroy(error as Error));
  const reading = pipeline(body, new DigestCheck(object, o.onBytes), input, { signal });
  const prove = async (): Promise<void> => {
    const [read, written] = await Promise.allSettled([reading, chain.ended]);
    signal.throwIfAborted();
    if (read.status === 'rejected' && isOwnVerdict(read.reason)) throw read.reason;
    if (written.status === 'rejected') throw await toCause(written.reason, object, repository, o);
    if (read.status === 'rejected') throw read.reason;
  };
  const proven = prove();
  proven.catch(() => undefined);
  return { output: chain.stdout, proven };
}

const isOwnVerdict = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'backup.corrupt' || error.code.startsWith('repository.'));

/**
 * A program that opens an object stops at the first bad byte, before the digest is known: corrupt bytes are the cause, its exit status the symptom.
 * One that was killed is no verdict on the bytes.
 */
async function toCause(error: unknown, object: ManifestObject, repository: BackupRepository, o: UnsealingOptions) {
  if (!(error instanceof AppError) || error.code !== 'engine.exit' || isDiskFull(error)) return error;
  if (error.context['exitCode'] === null) return error;
  const { key } = object;
  const isItsOwn = error.context['program'] === o.through?.program;
  const corrupt = new AppError('backup.corrupt', `object ${key} cannot be opened`, { key }, { cause: error });
  return checkObject(object, repository, { signal: o.signal }).then(
    () => (isItsOwn ? error : corrupt),
    (cause: unknown) => cause,
  );
}

/** Fails at the end of the bytes unless size and digest are those of the manifest. */
class DigestCheck extends CountAndDigest {
  constructor(
    private readonly object: ManifestObject,
    private readonly onBytes: ((bytes: number) => void) | undefined,
  ) {
    super();
  }

  override _transform(chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void {
    super._transform(chunk, encoding, done);
    this.onBytes?.(this.sizeBytes);
  }

  override _flush(done: TransformCallback): void {
    const { key, sizeBytes, sha256 } = this.object;
    const isWhole = this.sizeBytes === sizeBytes && this.sha256 === sha256;
    const context = { key, sizeBytes, sha256, actualSizeBytes: this.sizeBytes, actualSha256: this.sha256 };
    done(isWhole ? null : new AppError('backup.corrupt', `object ${key} is not what the manifest says`, context));
  }
}

/** A dump shrinks under compression: with less space than its stored bytes there is no point in beginning. */
async function assertSpace(object: ManifestObject, directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < object.sizeBytes) throw spoolFull(directory);
}

const isDiskFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' ||
  (error instanceof AppError && /No space left on device/.test(toText(error.context['stderrTail'])));

const spoolFull = (directory: string, cause?: unknown): AppError =>
  new AppError('restore.spool-full', `no space left for the archive in ${directory}`, { directory }, { cause });
