import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

const FRAME_MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const STORED = 0x80000000;
const MIN_MATCH = 4;

/**
 * What the frames of a batch unpack to, by walking through them without unpacking: a frame need not say its size, and none need say the truth. Stops
 * counting beyond the bound. Source: "LZ4 Frame Format Description" 1.6.4, "LZ4 Block Format Description". Throws: request.invalid.
 */
export function lz4Size(bytes: Buffer, maxBytes: number): number {
  try {
    let size = 0;
    for (let at = 0; at < bytes.length && size <= maxBytes; ) {
      const magic = bytes.readUInt32LE(at);
      if ((magic & ~0xf) >>> 0 === SKIPPABLE_MAGIC) at += 8 + bytes.readUInt32LE(at + 4);
      else if (magic === FRAME_MAGIC) {
        const frame = frameSize(bytes, at + 4, maxBytes);
        size += frame.size;
        at = frame.end;
      } else throw new RangeError('what follows is no frame');
    }
    return size;
  } catch (error) {
    throw new AppError('request.invalid', `lz4 batch is damaged: ${toText(error)}`, {}, { cause: error });
  }
}

interface Counted {
  readonly size: number;
  readonly end: number;
}

function frameSize(bytes: Buffer, start: number, maxBytes: number): Counted {
  const flags = bytes.readUInt8(start);
  const blockChecksum = (flags & 0x10) === 0 ? 0 : 4;
  const contentSize = (flags & 0x08) === 0 ? 0 : 8;
  const contentChecksum = (flags & 0x04) === 0 ? 0 : 4;
  const dictionaryId = (flags & 0x01) === 0 ? 0 : 4;
  let at = start + 2 + contentSize + dictionaryId + 1;
  for (let size = 0; size <= maxBytes; ) {
    const header = bytes.readUInt32LE(at);
    at += 4;
    if (header === 0) return { size, end: at + contentChecksum };
    const isStored = header >= STORED;
    const length = isStored ? header - STORED : header;
    size += isStored ? length : blockSize(bytes.subarray(at, at + length), maxBytes);
    at += length + blockChecksum;
  }
  return { size: maxBytes + 1, end: bytes.length };
}

/** A block is a row of sequences: literals, then a copy of what came before; the last has literals only. */
function blockSize(block: Buffer, maxBytes: number): number {
  let at = 0;
  const extended = (length: number): number => {
    let whole = length;
    for (let byte = length === 15 ? 255 : 0; byte === 255; whole += byte) {
      byte = block.readUInt8(at);
      at += 1;
    }
    return whole;
  };
  let size = 0;
  while (at < block.length && size <= maxBytes) {
    const token = block.readUInt8(at);
    at += 1;
    const literals = extended(token >> 4);
    at += literals;
    size += literals;
    if (at >= block.length) break;
    at += 2;
    size += extended(token & 0xf) + MIN_MATCH;
  }
  return size;
}
