import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';

/** A body that is longer than one part, and stops or breaks after so many bytes. */
export function unfinishedBody(sizeBytes: number, end: (body: Readable) => void): Readable {
  let left = sizeBytes;
  return new Readable({
    read() {
      if (left <= 0) return end(this);
      left -= 1 << 20;
      this.push(randomBytes(1 << 20));
    },
  });
}
