import { constants, gzipSync, unzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressFrameSync, decompressFrameSync } from 'lz4-napi';
import { compressSync as packSnappy, uncompressSync } from 'snappy';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { lz4Size } from './lz4-size.js';

/** kafkajs passes its own encoder, whose `buffer` holds the record set. */
interface Encoded {
  readonly buffer: Buffer;
}

/** In the attributes of a record batch. */
type CodecId = 1 | 2 | 3 | 4;

/** What a batch unpacks to; undefined, and no more memory taken than the bound, when that is more than the bound. */
type Unpack = (bytes: Buffer, maxBytes: number) => Buffer | undefined;

/** A batch that unpacks to more than this is an attack or damage: brokers refuse far smaller ones. */
export const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

/** All synchronous: a batch is about a megabyte at most, and no worker threads means no hidden memory. */
const codecs: Readonly<Record<CodecId, Unpack>> = {
  1: (bytes, maxOutputLength) => bounded(() => unzipSync(bytes, { maxOutputLength })),
  2: unpackSnappy,
  3: (bytes, maxBytes) => (lz4Size(bytes, maxBytes) > maxBytes ? undefined : decompressFrameSync(bytes)),
  4: (bytes, maxOutputLength) => bounded(() => zstdDecompressSync(bytes, { maxOutputLength })),
};

const packs: Readonly<Record<CodecId, (bytes: Buffer) => Buffer>> = {
  1: (bytes) => gzipSync(bytes),
  2: packSnappy,
  3: compressFrameSync,
  4: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
};

/** Of a record batch whose attributes name the codec. Throws: request.invalid for damage and for an unknown codec. */
export function unpack(codec: number, bytes: Buffer, maxBytes: number): Buffer | undefined {
  const unpackOne = (codecs as Readonly<Record<number, Unpack>>)[codec];
  if (unpackOne === undefined) throw new AppError('request.invalid', `batch is packed by an unknown codec, ${codec}`);
  try {
    return unpackOne(bytes, maxBytes);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('request.invalid', `batch cannot be unpacked: ${toText(error)}`, {}, { cause: error });
  }
}

/** Packed records of a batch, as its attributes then have to say; codec 0 leaves them as they are. */
export const packBatchRecords = (codec: number, bytes: Buffer): Buffer =>
  codec === 0 ? bytes : packs[codec as CodecId](bytes);

export const toTooLarge = (maxBytes: number): AppError =>
  new AppError('request.invalid', `batch unpacks to more than ${maxBytes} bytes`, { maxBytes });

/**
 * kafkajs brings gzip only, without a bound, and a batch in any other compression kills its consumer: `rpk` and `kcat -z snappy` write
 * such. Idempotent; process-wide, as kafkajs keeps its codecs.
 */
export function registerCompression(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes;
  for (const id of [GZIP, Snappy, LZ4, ZSTD] as const) CompressionCodecs[id] = () => toCodec(id as unknown as CodecId);
}

const toCodec = (id: CodecId) => ({
  compress: async ({ buffer }: Encoded): Promise<Buffer> => packs[id](buffer),
  decompress: async (bytes: Buffer): Promise<Buffer> => {
    const unpacked = unpack(id, bytes, MAX_UNPACKED_BYTES);
    if (unpacked === undefined) throw toTooLarge(MAX_UNPACKED_BYTES);
    return unpacked;
  },
});

function bounded(unpackOne: () => Buffer): Buffer | undefined {
  try {
    return unpackOne();
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}

function unpackSnappy(bytes: Buffer, maxBytes: number): Buffer | undefined {
  const blocks = isXerial(bytes) ? cutXerial(bytes) : [bytes];
  const size = blocks.reduce((sum, block) => sum + snappySize(block), 0);
  if (size > maxBytes) return undefined;
  return Buffer.concat(blocks.map((block) => uncompressSync(block, { asBuffer: true }) as Buffer));
}

const isXerial = (bytes: Buffer): boolean => bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);

/** Java clients cut the stream into blocks, each behind its length: the framing of snappy-java, not snappy's own. */
function cutXerial(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new AppError('request.invalid', 'snappy batch ends within a block');
    blocks.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return blocks;
}

/** A block begins with what it unpacks to, seven bits to a byte; one that lies is refused by the decoder, which takes no more. */
function snappySize(block: Buffer): number {
  let size = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = block.readUInt8(at);
    size += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return size;
  }
  throw new AppError('request.invalid', 'snappy block does not say its size');
}
