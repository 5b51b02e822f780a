import { Transform, type TransformCallback } from 'node:stream';
import { AppError } from '#common/errors/app-error.js';

/** Passes an object's bytes on and errors at the end when there were fewer or more than its size: a short read must never look whole. */
export class ExactLength extends Transform {
  private bytes = 0;

  constructor(
    private readonly key: string,
    private readonly sizeBytes: number,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    done(this.bytes === this.sizeBytes ? null : toLengthError(this.key, this.bytes, this.sizeBytes));
  }
}

export const toLengthError = (key: string, bytes: number, sizeBytes: number): AppError =>
  new AppError('repository.unavailable', `${key} ended after ${bytes} of ${sizeBytes} bytes`, {
    key,
    bytes,
    sizeBytes,
  });
