/** Jones' polynomial, reflected, as its upper and lower half. Source: crc64.c of Redis. */
const POLY_HIGH = 0x95ac9329;
const POLY_LOW = 0xac4bc9b5;

/** Eight tables of 256 entries: byte k of eight at once is looked up in table 7 - k. */
const HIGH = new Int32Array(8 * 256);
const LOW = new Int32Array(8 * 256);
fillTables();

function fillTables(): void {
  for (let byte = 0; byte < 256; byte += 1) {
    let [high, low] = [0, byte];
    for (let bit = 0; bit < 8; bit += 1) {
      const isSet = (low & 1) === 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (isSet) [high, low] = [high ^ POLY_HIGH, low ^ POLY_LOW];
    }
    HIGH[byte] = high;
    LOW[byte] = low;
  }
  for (let at = 256; at < 8 * 256; at += 1) {
    const [high, low] = [HIGH[at - 256] as number, LOW[at - 256] as number];
    LOW[at] = (LOW[low & 255] as number) ^ ((low >>> 8) | (high << 24));
    HIGH[at] = (HIGH[low & 255] as number) ^ (high >>> 8);
  }
}

/** The checksum at the end of an RDB file and of a dumped value. */
export class Crc64 {
  private high = 0;
  private low = 0;

  /** Reads `bytes` from `start` up to, not including, `end`. */
  update(bytes: Uint8Array, start = 0, end = bytes.length): this {
    let { high, low } = this;
    let at = start;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    // Numbers instead of BigInt, and nothing that a call would cost: the whole snapshot passes through here.
    for (; at + 8 <= end; at += 8) {
      low ^= view.getInt32(at, true);
      high ^= view.getInt32(at + 4, true);
      const a = 1792 + (low & 255);
      const b = 1536 + ((low >>> 8) & 255);
      const c = 1280 + ((low >>> 16) & 255);
      const d = 1024 + (low >>> 24);
      const e = 768 + (high & 255);
      const f = 512 + ((high >>> 8) & 255);
      const g = 256 + ((high >>> 16) & 255);
      const h = high >>> 24;
      low = both(LOW, a, b) ^ both(LOW, c, d) ^ both(LOW, e, f) ^ both(LOW, g, h);
      high = both(HIGH, a, b) ^ both(HIGH, c, d) ^ both(HIGH, e, f) ^ both(HIGH, g, h);
    }
    for (; at < end; at += 1) {
      const index = (low ^ (bytes[at] as number)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ (LOW[index] as number);
      high = (high >>> 8) ^ (HIGH[index] as number);
    }
    this.high = high;
    this.low = low;
    return this;
  }

  /** Eight bytes, the lowest first: as the file has it. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(this.low, 0);
    bytes.writeInt32LE(this.high, 4);
    return bytes;
  }
}

const both = (table: Int32Array, a: number, b: number): number => (table[a] as number) ^ (table[b] as number);
