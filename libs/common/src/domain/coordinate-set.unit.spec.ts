import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Coordinate, CoordinateSet } from './coordinate-set.js';

const coordinate: fc.Arbitrary<Coordinate> = fc.record({
  topic: fc.constantFrom('orders', 'payments'),
  partition: fc.nat(1),
  offset: fc.nat(30).map(BigInt),
});
const text = ({ topic, partition, offset }: Coordinate): string => `${topic}/${partition}/${offset}`;

describe('a set of coordinates', () => {
  it('holds exactly what was added, in whatever order', () => {
    fc.assert(
      fc.property(fc.array(coordinate), coordinate, (added, asked) => {
        const [set, plain] = [new CoordinateSet(), new Set<string>()];
        for (const each of added) {
          expect(set.add(each)).toBe(!plain.has(text(each)));
          plain.add(text(each));
        }
        for (const each of [...added, asked]) expect(set.has(each)).toBe(plain.has(text(each)));
      }),
    );
  });
});
