import { createHash, type Hash } from 'node:crypto';

const MIB = 1024 * 1024;
const FIRST_PART_BYTES = 8 * MIB;
const PARTS_PER_STEP = 1_000;
/** Most objects are far smaller than a part. Measured: a whole part for each of them made the collector work 60 ms per small backup. */
const FIRST_BUFFER_BYTES = MIB / 8;
const GROWTH = 4;

/** What one object may hold at most: 10,000 parts, 5 TiB. Source: Amazon S3 "multipart upload limits". */
export const MAX_PARTS = 10_000;

/**
 * Size of part `number`, counted from 1: doubles every 1,000 parts, so that 10,000 of them hold 5 TiB (7.8 in fact) although
 * the length is not known beforehand, and a dump of up to 8 GB costs 8 MiB for each part in flight.
 */
export const toPartBytes = (number: number): number =>
  FIRST_PART_BYTES * 2 ** Math.floor((number - 1) / PARTS_PER_STEP);

/** Fewer large parts at once: memory is part size × parts in flight. */
export const toPartsInFlight = (partBytes: number): number =>
  Math.max(1, Math.min(3, Math.floor((256 * MIB) / partBytes)));

export interface Part {
  readonly number: number;
  readonly bytes: Buffer;
  readonly md5: Buffer;
  readonly isLast: boolean;
}

/** Reuses the memory of parts that are sent, so that the process stays flat whatever the collector does. */
export class PartBuffers {
  private free: Buffer[] = [];

  take(sizeBytes: number): Buffer {
    this.free = this.free.filter((buffer) => buffer.length === sizeBytes);
    return this.free.pop() ?? Buffer.allocUnsafeSlow(sizeBytes);
  }

  giveBack(part: Part): void {
    this.free.push(Buffer.from(part.bytes.buffer));
  }
}

/**
 * Cuts a body into parts and digests the whole on the way. The last part is told apart: it may be small, and is empty only
 * when the body is. Every part comes from `buffers` and is given back by whoever sent it.
 */
export async function* toParts(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  buffers: PartBuffers,
  whole: Hash,
): AsyncGenerator<Part> {
  let part = new PartFiller(1, buffers);
  for await (const chunk of body) {
    whole.update(chunk);
    for (let offset = 0; offset < chunk.length; ) {
      if (part.isFull) {
        yield part.finish(false);
        part = new PartFiller(part.number + 1, buffers);
      }
      offset += part.add(chunk.subarray(offset));
    }
  }
  yield part.finish(true);
}

/** The first part of an object, which may be its only one, gets memory as it needs it; every other one at once. */
class PartFiller {
  private readonly partBytes: number;
  private buffer: Buffer;
  private readonly hash = createHash('md5');
  private filled = 0;

  constructor(
    readonly number: number,
    private readonly buffers: PartBuffers,
  ) {
    this.partBytes = toPartBytes(number);
    this.buffer = buffers.take(number === 1 ? FIRST_BUFFER_BYTES : this.partBytes);
  }

  get isFull(): boolean {
    return this.filled === this.partBytes;
  }

  /** Takes what fits and returns how much that was. */
  add(chunk: Uint8Array): number {
    this.makeRoom(this.filled + chunk.length);
    const taken = chunk.subarray(0, this.buffer.length - this.filled);
    this.buffer.set(taken, this.filled);
    this.hash.update(taken);
    this.filled += taken.length;
    return taken.length;
  }

  private makeRoom(neededBytes: number): void {
    const { length } = this.buffer;
    if (neededBytes <= length || length === this.partBytes) return;
    const grown = this.buffers.take(Math.min(Math.max(length * GROWTH, neededBytes), this.partBytes));
    grown.set(this.buffer.subarray(0, this.filled));
    this.buffer = grown;
  }

  finish(isLast: boolean): Part {
    const bytes = this.buffer.subarray(0, this.filled);
    return { number: this.number, bytes, md5: this.hash.digest(), isLast };
  }
}
