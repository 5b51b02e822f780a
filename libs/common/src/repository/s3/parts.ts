import { createHash, type Hash } from 'node:crypto';

const MIB = 1024 * 1024;
const FIRST_PART_BYTES = 8 * MIB;
/** Most objects are far smaller than a part. Measured: a whole part for each of them made the collector work 60 ms per small backup. */
const FIRST_BUFFER_BYTES = MIB / 8;
const GROWTH = 4;

/** The limits of Amazon S3, which some servers undercut. Source: Amazon S3 "multipart upload limits". */
const MAX_PARTS = 10_000;
const MAX_PART_BYTES = 5 * 1024 * MIB;
/** How often parts double before their number is used up. */
const STEPS = 10;

/** How one server wants objects cut; as the configuration of the repository says. */
export interface PartLimits {
  /** How many parts the server takes for one object. */
  readonly maxParts?: number | undefined;
  /** Of the first part, and so of what a small upload costs in memory. */
  readonly partSizeBytes?: number | undefined;
}

export type PartPlan = { readonly [limit in keyof PartLimits]-?: number };

export const toPartPlan = ({ maxParts = MAX_PARTS, partSizeBytes = FIRST_PART_BYTES }: PartLimits): PartPlan => ({
  maxParts,
  partSizeBytes,
});

/**
 * Size of part `number`, counted from 1: doubles after each tenth of the parts, so that 10,000 of them hold 5 TiB (7.8 in fact) although
 * the length is not known beforehand, and a dump of up to 8 GB costs 8 MiB for each part in flight.
 */
export function toPartBytes(number: number, { maxParts, partSizeBytes }: PartPlan): number {
  const step = Math.floor((number - 1) / Math.ceil(maxParts / STEPS));
  return Math.min(partSizeBytes * 2 ** step, MAX_PART_BYTES);
}

/** What one object can hold at most, in bytes. */
export function toMaxObjectBytes(plan: PartPlan): number {
  let bytes = 0;
  for (let number = 1; number <= plan.maxParts; number += 1) bytes += toPartBytes(number, plan);
  return bytes;
}

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

export interface CutOptions {
  readonly plan: PartPlan;
  readonly buffers: PartBuffers;
  /** Digests the whole on the way. */
  readonly whole: Hash;
}

/**
 * Cuts a body into parts and digests the whole on the way. The last part is marked: it may be small, and is empty only
 * when the body is. Every part comes from `buffers`; who sends it gives it back.
 */
export async function* toParts(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  o: CutOptions,
): AsyncGenerator<Part> {
  let part = new PartFiller(1, o);
  for await (const chunk of body) {
    o.whole.update(chunk);
    for (let offset = 0; offset < chunk.length; ) {
      if (part.isFull) {
        yield part.finish(false);
        part = new PartFiller(part.number + 1, o);
      }
      offset += part.add(chunk.subarray(offset));
    }
  }
  yield part.finish(true);
}

/** The first part of an object, which may be its only one, gets memory as it needs it; every other one at once. */
class PartFiller {
  private readonly partBytes: number;
  private readonly buffers: PartBuffers;
  private buffer: Buffer;
  private readonly hash = createHash('md5');
  private filled = 0;

  constructor(
    readonly number: number,
    { plan, buffers }: CutOptions,
  ) {
    this.partBytes = toPartBytes(number, plan);
    this.buffers = buffers;
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
