import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

/** Passes bytes through unchanged while it counts and digests them: once, for a second pass costs a core. */
export class CountAndDigest extends Transform {
  private readonly hash = createHash('sha256');
  private bytes = 0;
  private digest: string | undefined;

  get sizeBytes(): number {
    return this.bytes;
  }

  /** SHA-256 of what passed so far, lower-case hex; nothing may pass afterwards. */
  get sha256(): string {
    this.digest ??= this.hash.digest('hex');
    return this.digest;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    done(null, chunk);
  }
}

export const countAndDigest = (): CountAndDigest => new CountAndDigest();
