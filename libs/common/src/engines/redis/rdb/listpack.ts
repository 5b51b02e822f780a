/** The elements of a listpack, numbers as their text. Throws RangeError for bytes that are none. Source: listpack.c of Redis. */
export function parseListpack(bytes: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let at = 6;
  while (bytes[at] !== 0xff) {
    const entry = readEntry(bytes, at);
    elements.push(entry.value);
    at = entry.end;
  }
  return elements;
}

/** The integers of a set that has nothing else, as text. Source: intset.c of Redis. */
export function parseIntset(bytes: Buffer): Buffer[] {
  const size = bytes.readUInt32LE(0);
  const count = bytes.readUInt32LE(4);
  return Array.from({ length: count }, (_, index) => {
    const at = 8 + index * size;
    return Buffer.from(size === 8 ? String(bytes.readBigInt64LE(at)) : String(bytes.readIntLE(at, size)));
  });
}

interface Entry {
  readonly value: Buffer;
  readonly end: number;
}

function readEntry(bytes: Buffer, at: number): Entry {
  const first = bytes.readUInt8(at);
  if (first < 0x80) return toEntry(Buffer.from(String(first)), at, 1);
  if (first < 0xc0) return readString(bytes, { at, header: 1, length: first & 0x3f });
  if (first < 0xe0) return toEntry(toText(signed(((first & 0x1f) << 8) | bytes.readUInt8(at + 1))), at, 2);
  if (first < 0xf0)
    return readString(bytes, { at, header: 2, length: ((first & 0x0f) << 8) | bytes.readUInt8(at + 1) });
  if (first === 0xf0) return readString(bytes, { at, header: 5, length: bytes.readUInt32LE(at + 1) });
  if (first === 0xf4) return toEntry(toText(bytes.readBigInt64LE(at + 1)), at, 9);
  const size = { 241: 2, 242: 3, 243: 4 }[first];
  if (size === undefined) throw new RangeError(`byte ${first} begins no entry of a listpack`);
  return toEntry(toText(bytes.readIntLE(at + 1, size)), at, 1 + size);
}

function readString(
  bytes: Buffer,
  o: { readonly at: number; readonly header: number; readonly length: number },
): Entry {
  const start = o.at + o.header;
  if (start + o.length > bytes.length) throw new RangeError('a listpack ends within an entry');
  return toEntry(bytes.subarray(start, start + o.length), o.at, o.header + o.length);
}

/** Behind an entry is its own length, so that it can be read from the end. */
function toEntry(value: Buffer, at: number, size: number): Entry {
  const back = size < 128 ? 1 : size < 16_384 ? 2 : size < 2_097_152 ? 3 : size < 268_435_456 ? 4 : 5;
  return { value, end: at + size + back };
}

const toText = (number: number | bigint): Buffer => Buffer.from(String(number));

/** Of thirteen bits. */
const signed = (value: number): number => (value >= 4_096 ? value - 8_192 : value);
