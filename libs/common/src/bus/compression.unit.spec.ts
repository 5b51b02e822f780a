import { beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { compressSync } from 'snappy';
import { registerCompression } from './compression.js';

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
