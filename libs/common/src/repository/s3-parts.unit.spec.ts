import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_PARTS, PartBuffers, toPartBytes, toParts, toPartsInFlight } from './s3-parts.js';

const MIB = 1024 * 1024;
const TIB = 1024 ** 4;

describe('S3 parts', () => {
  it('fit 5 TiB into 10,000 parts within the limits of S3', () => {
    const sizes = Array.from({ length: MAX_PARTS }, (_, i) => toPartBytes(i + 1));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(5 * TIB);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(5 * MIB);
    expect(Math.max(...sizes)).toBeLessThan(5 * 1024 * MIB);
  });

  it('cost 32 MiB for objects up to 8 GB and never more than one part or 256 MiB in flight', () => {
    expect(toPartBytes(1_000) * (toPartsInFlight(toPartBytes(1_000)) + 1)).toBe(32 * MIB);
    for (let number = 1; number <= MAX_PARTS; number += 500) {
      const partBytes = toPartBytes(number);
      expect(partBytes * toPartsInFlight(partBytes)).toBeLessThanOrEqual(Math.max(partBytes, 256 * MIB));
    }
  });

  it('hold the whole body in order, each with its digest, and only the last one is short', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 6 * MIB }), { maxLength: 6 }), async (sizes) => {
        const chunks = sizes.map((size, i) => Buffer.alloc(size, i + 1));
        const whole = createHash('sha256');
        const buffers = new PartBuffers();
        const again = createHash('sha256');
        let number = 0;
        for await (const part of toParts(chunks, buffers, whole)) {
          number += 1;
          expect(part.number).toBe(number);
          expect(part.isLast || part.bytes.length === toPartBytes(number)).toBe(true);
          expect(part.md5.equals(createHash('md5').update(part.bytes).digest())).toBe(true);
          again.update(part.bytes);
          buffers.giveBack(part);
        }
        const expected = Buffer.concat(chunks);
        expect(number).toBe(Math.max(1, Math.ceil(expected.length / toPartBytes(1))));
        expect(again.digest('hex')).toBe(createHash('sha256').update(expected).digest('hex'));
        expect(whole.digest('hex')).toBe(createHash('sha256').update(expected).digest('hex'));
      }),
      { numRuns: 20 },
    );
  });
});
