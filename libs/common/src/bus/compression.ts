import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { compress as compressSnappy, uncompress as uncompressSnappy } from 'snappy';
import { AppError } from '#common/errors/app-error.js';

/** kafkajs passes its own encoder, whose `buffer` holds the record set. */
interface Encoded {
  readonly buffer: Buffer;
}
interface Codec {
  compress(encoded: Encoded): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** A batch that unpacks to more than this is an attack or damage: brokers refuse far smaller ones. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

const snappy: Codec = {
  compress: ({ buffer }) => compressSnappy(buffer),
  decompress: (bytes) => (isXerial(bytes) ? unpackXerial(bytes) : unpackSnappy(bytes)),
};

const lz4: Codec = {
  compress: ({ buffer }) => compressFrame(buffer),
  decompress: (bytes) => decompressFrame(bytes),
};

/** Synchronous: a batch is about a megabyte at most, and no worker threads means no hidden memory. */
const zstd: Codec = {
  compress: async ({ buffer }) => zstdCompressSync(buffer, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  decompress: async (bytes) => zstdDecompressSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES }),
};

/**
 * kafkajs brings gzip only, and a batch in any other compression kills its consumer: `rpk` and `kcat -z snappy` write such.
 * Idempotent; process-wide, as kafkajs keeps its codecs.
 */
export function registerCompression(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}

const isXerial = (bytes: Buffer): boolean => bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);

async function unpackSnappy(bytes: Buffer): Promise<Buffer> {
  return (await uncompressSnappy(bytes, { asBuffer: true })) as Buffer;
}

/** Java clients cut the stream into blocks, each behind its length: the framing of snappy-java, not snappy's own. */
async function unpackXerial(bytes: Buffer): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at);
    if (end > bytes.length) throw new AppError('request.invalid', 'snappy batch ends within a block');
    blocks.push(await unpackSnappy(bytes.subarray(at + 4, end)));
    at = end;
  }
  return Buffer.concat(blocks);
}
