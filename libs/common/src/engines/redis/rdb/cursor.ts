import { decompressLzf } from './lzf.js';

/** Not enough bytes are there yet: nothing was read. */
export const STARVED = -1;

/**
 * Reads the primitives of an RDB file from bytes of which more may follow. A method that lacks bytes returns `STARVED`, or undefined; the
 * caller goes back to where it began.
 */
export class Cursor {
  at = 0;

  constructor(public bytes: Buffer) {}

  byte(): number {
    return this.at < this.bytes.length ? (this.bytes[this.at++] as number) : STARVED;
  }

  /** Returns true once they are passed over; they need not be there. */
  skip(count: number): true {
    this.at += count;
    return true;
  }

  /** A length as a number; those above 2^53 are no lengths, and come back inexact. */
  length(): number {
    const { bytes, at } = this;
    const first = bytes[at];
    if (first === undefined) return STARVED;
    const size = sizeOfLength(first);
    if (at + size > bytes.length) return STARVED;
    this.at += size;
    if (size === 1) return first & 63;
    if (size === 2) return ((first & 63) << 8) | (bytes[at + 1] as number);
    return size === 5 ? bytes.readUInt32BE(at + 1) : Number(bytes.readBigUInt64BE(at + 1));
  }

  /** Passes over a string without looking at it. Returns false when its length is not there yet. */
  skipString(): boolean {
    const first = this.bytes[this.at];
    if (first === undefined) return false;
    if (first >> 6 !== 3) {
      const length = this.length();
      return length !== STARVED && this.skip(length);
    }
    this.at += 1;
    const kind = first & 63;
    if (kind < 3) return this.skip(1 << kind);
    if (kind > 3) throw new RangeError(`byte ${first} begins no string`);
    const compressed = this.length();
    return compressed !== STARVED && this.length() !== STARVED && this.skip(compressed);
  }

  string(): Buffer | undefined {
    const first = this.bytes[this.at];
    if (first === undefined) return undefined;
    if (first >> 6 !== 3) {
      const length = this.length();
      return length === STARVED ? undefined : this.raw(length);
    }
    this.at += 1;
    const kind = first & 63;
    if (kind === 3) return this.compressed();
    if (kind > 3) throw new RangeError(`byte ${first} begins no string`);
    const number = this.raw(1 << kind);
    return number && Buffer.from(String(number.readIntLE(0, number.length)));
  }

  raw(count: number): Buffer | undefined {
    if (this.at + count > this.bytes.length) return undefined;
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  private compressed(): Buffer | undefined {
    const size = this.length();
    const length = size === STARVED ? STARVED : this.length();
    const input = length === STARVED ? undefined : this.raw(size);
    if (input === undefined) return undefined;
    const output = decompressLzf(input, length);
    if (output === undefined) throw new RangeError('a compressed string is damaged');
    return output;
  }
}

/** Of a length that begins with this byte. */
function sizeOfLength(first: number): number {
  if (first < 0x40) return 1;
  if (first < 0x80) return 2;
  if (first === 0x80) return 5;
  if (first === 0x81) return 9;
  throw new RangeError(`byte ${first} begins no length`);
}
