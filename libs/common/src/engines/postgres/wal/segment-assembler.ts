import { toSegmentStart, type WalBytes } from '#common/domain/wal.js';
import { AppError } from '#common/errors/app-error.js';
import type { StreamStart } from './wal-start.js';

export interface WholeSegment {
  readonly number: bigint;
  readonly raw: Buffer;
}

/** Puts the WAL of one timeline together into segments. */
export class SegmentAssembler {
  readonly timeline: number;
  private number: bigint;
  private raw: Buffer;
  private filled = 0;

  constructor(
    start: StreamStart,
    private readonly segmentBytes: number,
  ) {
    this.timeline = start.timeline;
    this.number = start.number;
    this.raw = Buffer.alloc(segmentBytes);
  }

  /** Up to where everything has come. */
  get position(): WalBytes {
    return toSegmentStart(this.number, this.segmentBytes) + BigInt(this.filled);
  }

  /** The segment that is being filled. */
  get current(): bigint {
    return this.number;
  }

  /** What has come of the current segment from a position on. */
  since(position: WalBytes): Buffer {
    const offset = Number(position - toSegmentStart(this.number, this.segmentBytes));
    return this.raw.subarray(Math.max(offset, 0), this.filled);
  }

  /** The segments that become whole with these bytes. Throws: engine.output for bytes that do not follow those before. */
  append(start: WalBytes, data: Buffer): WholeSegment[] {
    if (start !== this.position)
      throw new AppError('engine.output', `the server sent WAL from ${start} on, and ${this.position} is next`);
    const whole: WholeSegment[] = [];
    for (let offset = 0; offset < data.length; ) {
      const taken = data.copy(this.raw, this.filled, offset);
      this.filled += taken;
      offset += taken;
      if (this.filled < this.segmentBytes) continue;
      whole.push({ number: this.number, raw: this.raw });
      this.number += 1n;
      this.raw = Buffer.alloc(this.segmentBytes);
      this.filled = 0;
    }
    return whole;
  }
}
