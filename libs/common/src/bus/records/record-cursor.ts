import { AppError } from '#common/errors/app-error.js';
import { HEADER_BYTES } from './record-batch.js';

/**
 * Walks through the records of an unpacked batch and makes no object of any: a topic has millions of them.
 * Source: Kafka documentation, "Record".
 */
export class RecordCursor {
  /** From the batch's base offset. */
  offsetDelta = 0;
  /** From the batch's first timestamp. */
  timestampDelta = 0;
  /** Attributes and the timestamp, as stored. */
  headStart = 0;
  headEnd = 0;
  /** Key, value and headers with their lengths, as stored. */
  bodyStart = 0;
  bodyEnd = 0;
  private at = HEADER_BYTES;
  private left: number;

  constructor(private readonly plain: Buffer) {
    this.left = plain.readInt32BE(57);
  }

  /** Throws: bus.damaged. */
  next(): boolean {
    if (this.left <= 0) return false;
    this.left -= 1;
    const length = this.varint();
    this.bodyEnd = this.at + length;
    if (length <= 0 || this.bodyEnd > this.plain.length) throw damaged(this.plain);
    this.headStart = this.at;
    this.at += 1;
    this.timestampDelta = this.varint();
    this.headEnd = this.at;
    this.offsetDelta = this.varint();
    this.bodyStart = this.at;
    if (this.bodyStart > this.bodyEnd) throw damaged(this.plain);
    this.at = this.bodyEnd;
    return true;
  }

  /** Zigzag: 0, -1, 1, -2, … */
  private varint(): number {
    let value = 0;
    let factor = 1;
    for (let bytes = 0; bytes < 10; bytes += 1) {
      const byte = this.plain[this.at];
      if (byte === undefined) throw damaged(this.plain);
      this.at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    throw damaged(this.plain);
  }
}

const damaged = (batch: Buffer): AppError =>
  new AppError('bus.damaged', `the record batch at offset ${batch.readBigInt64BE(0)} is damaged`);
