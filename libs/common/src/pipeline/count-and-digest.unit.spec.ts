import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countAndDigest } from './count-and-digest.js';

describe('countAndDigest', () => {
  it('passes any chunks on unchanged and knows their size and digest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), async (chunks) => {
        const whole = Buffer.concat(chunks);
        const stage = countAndDigest();
        const [passed] = await Promise.all([
          buffer(stage),
          pipeline(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), stage),
        ]);
        expect(passed.equals(whole)).toBe(true);
        expect(stage.sizeBytes).toBe(whole.length);
        expect(stage.sha256).toBe(createHash('sha256').update(whole).digest('hex'));
        expect(stage.sha256).toBe(createHash('sha256').update(whole).digest('hex'));
      }),
    );
  });

  it('fails when bytes come after the digest was read', async () => {
    const stage = countAndDigest();
    expect(stage.sha256).toHaveLength(64);
    await expect(pipeline(Readable.from([Buffer.from('late')]), stage)).rejects.toThrow();
  });
});
