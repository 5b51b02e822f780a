import { Readable } from 'node:stream';
import { AppError } from '#common/errors/app-error.js';
import { toLengthError } from '../exact-length.js';
import { isTransient, toS3RepositoryError } from './errors.js';

export interface S3Body {
  readonly body: Readable;
  readonly etag: string;
  /** Of the whole object. */
  readonly sizeBytes: number;
}

/** Breaks in a row without a byte in between that are put up with. */
const FRUITLESS_BREAKS = 3;

/**
 * An object's bytes, taken up again where a connection broke: a restore that waits long for its reader outlives idle
 * connections. Ends only after exactly the object's size.
 */
export class S3ObjectStream extends Readable {
  private source: Readable;
  private bytes = 0;
  private bytesAtBreak = -1;
  private fruitlessBreaks = 0;

  constructor(
    private readonly key: string,
    private readonly first: S3Body,
    private readonly openAt: (offset: number) => Promise<S3Body>,
  ) {
    super({ highWaterMark: 1 << 20 });
    this.source = first.body;
    this.attach(first.body);
  }

  override _read(): void {
    this.source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.source.destroy();
    done(error);
  }

  private attach(source: Readable): void {
    this.source = source;
    let isOver = false;
    const once = (next: () => void) => () => {
      if (isOver || this.destroyed) return;
      isOver = true;
      next();
    };
    source.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (!this.push(chunk)) source.pause();
    });
    source.on(
      'end',
      once(() => this.finish()),
    );
    source.on('error', (error) => once(() => this.resumeAfter(error))());
    source.on(
      'close',
      once(() => this.resumeAfter(undefined)),
    );
    source.pause();
  }

  private finish(): void {
    if (this.bytes === this.first.sizeBytes) this.push(null);
    else this.resumeAfter(undefined);
  }

  private resumeAfter(error: unknown): void {
    const cause = toLengthError(this.key, this.bytes, this.first.sizeBytes);
    const isFinal = error !== undefined && !isTransient(error);
    this.fruitlessBreaks = this.bytes > this.bytesAtBreak ? 1 : this.fruitlessBreaks + 1;
    this.bytesAtBreak = this.bytes;
    if (isFinal || this.bytes > this.first.sizeBytes || this.fruitlessBreaks > FRUITLESS_BREAKS) {
      this.destroy(isFinal ? toS3RepositoryError(error, `read ${this.key}`) : cause);
      return;
    }
    this.reopen().catch((failure: Error) => this.destroy(failure));
  }

  private async reopen(): Promise<void> {
    const next = await this.openAt(this.bytes);
    if (this.destroyed) {
      next.body.destroy();
      return;
    }
    if (next.etag !== this.first.etag || next.sizeBytes !== this.first.sizeBytes) {
      next.body.destroy();
      throw new AppError('repository.object-missing', `${this.key} was replaced while it was read`, { key: this.key });
    }
    this.attach(next.body);
    this.source.resume();
  }
}
