import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PartBuffers, toMaxObjectBytes, toPartBytes, toPartPlan, toParts, toPartsInFlight } from './parts.js';

const MIB = 1024 * 1024;
const TIB = 1024 ** 4;
const plan = toPartPlan({});

describe('S3 parts', () => {
  it('fit 5 TiB into 10,000 parts within the limits of S3', () => {
    const sizes = Array.from({ length: plan.maxParts }, (_, i) => toPartBytes(i + 1, plan));
    expect(plan.maxParts).toBe(10_000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(toMaxObjectBytes(plan));
    expect(toMaxObjectBytes(plan)).toBeGreaterThanOrEqual(5 * TIB);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(5 * MIB);
    expect(Math.max(...sizes)).toBeLessThan(5 * 1024 * MIB);
  });

  it.each([
    [{ maxParts: 1_000 }, 0.75],
    [{ maxParts: 1_000, partSizeBytes: 64 * MIB }, 2],
    [{ maxParts: 1_000, partSizeBytes: 1_024 * MIB }, 3],
    [{ maxParts: 105 }, 0.05],
  ])('grow in time for a server that takes fewer: %j', (limits, atLeastTib) => {
    const few = toPartPlan(limits);
    const sizes = Array.from({ length: few.maxParts }, (_, i) => toPartBytes(i + 1, few));
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5 * 1024 * MIB);
    expect(toMaxObjectBytes(few)).toBeGreaterThan(atLeastTib * TIB);
  });

  it('cost 32 MiB for objects up to 8 GB and never more than one part or 256 MiB in flight', () => {
    expect(toPartBytes(1_000, plan) * (toPartsInFlight(toPartBytes(1_000, plan)) + 1)).toBe(32 * MIB);
    for (let number = 1; number <= plan.maxParts; number += 500) {
      const partBytes = toPartBytes(number, plan);
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
        for await (const part of toParts(chunks, { plan, buffers, whole })) {
          number += 1;
          expect(part.number).toBe(number);
          expect(part.isLast || part.bytes.length === toPartBytes(number, plan)).toBe(true);
          expect(part.md5.equals(createHash('md5').update(part.bytes).digest())).toBe(true);
          again.update(part.bytes);
          buffers.giveBack(part);
        }
        const expected = Buffer.concat(chunks);
        expect(number).toBe(Math.max(1, Math.ceil(expected.length / toPartBytes(1, plan))));
        expect(again.digest('hex')).toBe(createHash('sha256').update(expected).digest('hex'));
        expect(whole.digest('hex')).toBe(createHash('sha256').update(expected).digest('hex'));
      }),
      { numRuns: 20 },
    );
  });
});
