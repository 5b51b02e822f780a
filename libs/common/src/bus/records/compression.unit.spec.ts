import { beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { registerCompression, unpack } from './compression.js';
import { lz4Size } from './lz4-size.js';

beforeAll(registerCompression);

const codec = () =>
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy]?.() as { decompress(b: Buffer): Promise<Buffer> };

/** As snappy-java frames a stream: magic, version, compatible version, then blocks behind their lengths. */
function xerial(...blocks: readonly string[]): Buffer {
  const header = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex');
  const framed = blocks.map((block) => {
    const packed = compressSync(block);
    const length = Buffer.alloc(4);
    length.writeInt32BE(packed.length);
    return Buffer.concat([length, packed]);
  });
  return Buffer.concat([header, ...framed]);
}

describe('snappy as Java clients frame it', () => {
  it('is put together from its blocks', async () => {
    expect((await codec().decompress(xerial('one ', 'two ', 'three'))).toString()).toBe('one two three');
  });

  it('is refused when it ends within a block', async () => {
    await expect(codec().decompress(xerial('one', 'two').subarray(0, -2))).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });
});

describe('what lz4 unpacks to', () => {
  it.each([
    ['nothing', ''],
    ['a few bytes', 'order'],
    ['many equal bytes', 'a'.repeat(300_000)],
    ['text in several blocks', Array.from({ length: 40_000 }, (_, n) => `order ${n * 7919}`).join(' ')],
  ])('is counted without unpacking: %s', (_, text) => {
    const packed = Buffer.concat([compressFrameSync(text), compressFrameSync(text)]);
    expect(lz4Size(packed, 10_000_000)).toBe(2 * Buffer.byteLength(text));
  });

  it('is more than the bound as soon as that is known', () => {
    expect(lz4Size(compressFrameSync('a'.repeat(300_000)), 1_000)).toBeGreaterThan(1_000);
  });
});

describe('a batch that is damaged', () => {
  it.each([
    ['gzip', 1],
    ['snappy', 2],
    ['lz4', 3],
    ['zstd', 4],
    ['an unknown codec', 7],
  ])('is refused as such: %s', (_, codec) => {
    const refused = expect.objectContaining({ code: 'request.invalid' });
    expect(() => unpack(codec, Buffer.from('no compressed bytes at all'), 1_000)).toThrow(refused);
  });
});
