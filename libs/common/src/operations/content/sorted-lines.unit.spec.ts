import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareCodePoints } from '#common/domain/code-points.js';
import { type KeyedLine, SortedLines } from './sorted-lines.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sort-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function sort(
  lines: readonly KeyedLine[],
  o: { maxBytes?: number; maxRuns?: number } = {},
): Promise<KeyedLine[]> {
  const sorted = new SortedLines({ folder, name: 'spec', ...o });
  for (const { key, line } of lines) sorted.add(key, line);
  const all: KeyedLine[] = [];
  for await (const line of sorted.sorted()) all.push(line);
  return all;
}

const text = fc.string({ unit: 'binary', maxLength: 6 }).filter((each) => each.isWellFormed());

describe('lines sorted by key', () => {
  it('come in the order of UTF-8 bytes, those of one key as they were added, whether they fit into memory or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 60 }),
        fc.integer({ min: 1, max: 2_000 }),
        async (keys, maxBytes) => {
          const lines = keys.map((key, i) => ({ key, line: `{"i":${i}}` }));
          const expected = lines.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
          expect(await sort(lines, { maxBytes, maxRuns: 3 })).toEqual(expected);
          expect(await readdir(folder)).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('may hold what ends lines and columns elsewhere', async () => {
    const keys = ['a\tb', 'a\nb', 'a\r\u2028b', '', '"', '\u{1f4be}', '\uff00'];
    const sorted = await sort(
      keys.map((key) => ({ key, line: JSON.stringify({ key }) })),
      { maxBytes: 1 },
    );
    expect(sorted.map(({ line }) => (JSON.parse(line) as { key: string }).key)).toEqual(
      keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  it('leave nothing open when their reader stops', async () => {
    const sorted = new SortedLines({ folder, name: 'stopped', maxBytes: 1 });
    for (const key of ['c', 'b', 'a']) sorted.add(key, '{}');
    for await (const { key } of sorted.sorted()) {
      expect(key).toBe('a');
      break;
    }
  });
});

describe('the order of code points', () => {
  it('is that of UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});
