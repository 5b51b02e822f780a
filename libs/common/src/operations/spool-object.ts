import { createHash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ManifestObject } from '../contracts/manifest.js';
import { AppError } from '../errors/app-error.js';
import { spawnChain } from '../process/spawn-chain.js';
import type { BackupRepository } from '../repository/backup-repository.js';

export interface SpoolOptions {
  readonly signal: AbortSignal;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Fetches one object of a backup, decompressed, into a file, and proves on the way that the stored bytes are those that the manifest
 * lists. Throws: backup.corrupt, restore.spool-full; repository.*.
 */
export async function spoolObject(
  object: ManifestObject,
  repository: BackupRepository,
  file: string,
  o: SpoolOptions,
): Promise<void> {
  await assertSpace(object, dirname(file));
  const check = new DigestCheck(object, o.onBytes);
  const body = await repository.get(object.key, { signal: o.signal });
  try {
    await decompress(body, check, file, { compression: object.compression, signal: o.signal });
  } catch (error) {
    throw isDiskFull(error) ? spoolFull(dirname(file), error) : error;
  }
}

/** Reads one object to its end, keeping nothing. Throws: backup.corrupt; repository.*. */
export async function checkObject(
  object: ManifestObject,
  repository: BackupRepository,
  o: SpoolOptions,
): Promise<void> {
  const body = await repository.get(object.key, { signal: o.signal });
  const check = new DigestCheck(object, o.onBytes);
  check.resume();
  await pipeline(body, check, { signal: o.signal });
}

async function decompress(
  body: Readable,
  check: DigestCheck,
  file: string,
  { compression, signal }: { compression: ManifestObject['compression']; signal: AbortSignal },
): Promise<void> {
  const program =
    compression === 'zstd'
      ? { program: 'zstd', args: ['-d', '-q', '-f', '-o', file] }
      : { program: 'tee', args: [file] };
  const input = new PassThrough();
  const chain = spawnChain([program], { signal, input });
  chain.stdout.resume();
  // The digest is judged before the decompressor's complaint: corrupt bytes are the cause, its exit status the symptom.
  const [read, written] = await Promise.allSettled([pipeline(body, check, input, { signal }), chain.ended]);
  if (read.status === 'rejected' && read.reason instanceof AppError) throw read.reason;
  if (written.status === 'rejected') throw written.reason;
  if (read.status === 'rejected') throw read.reason;
}

/** Passes bytes on and fails at their end unless size and digest are those of the manifest. */
class DigestCheck extends Transform {
  private readonly hash = createHash('sha256');
  private sizeBytes = 0;

  constructor(
    private readonly object: ManifestObject,
    private readonly onBytes: ((bytes: number) => void) | undefined,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: (error: Error | null, chunk?: Buffer) => void): void {
    this.hash.update(chunk);
    this.sizeBytes += chunk.length;
    this.onBytes?.(this.sizeBytes);
    done(null, chunk);
  }

  override _flush(done: (error?: Error | null) => void): void {
    const { key, sizeBytes, sha256 } = this.object;
    const actual = this.hash.digest('hex');
    const isWhole = this.sizeBytes === sizeBytes && actual === sha256;
    const context = { key, sizeBytes, sha256, actualSizeBytes: this.sizeBytes, actualSha256: actual };
    done(isWhole ? null : new AppError('backup.corrupt', `object ${key} is not what the manifest says`, context));
  }
}

/** A dump shrinks under compression: with less space than its stored bytes there is no point in beginning. */
async function assertSpace(object: ManifestObject, directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < object.sizeBytes) throw spoolFull(directory);
}

const isDiskFull = (error: unknown): boolean =>
  error instanceof AppError && /No space left on device/.test(String(error.context['stderrTail'] ?? ''));

const spoolFull = (directory: string, cause?: unknown): AppError =>
  new AppError('restore.spool-full', `no space left for the archive in ${directory}`, { directory }, { cause });
