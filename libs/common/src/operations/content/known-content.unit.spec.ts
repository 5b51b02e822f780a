import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Reference } from '#common/contracts/shared-ref.js';
import { KnownContent } from './known-content.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const referenceOf = (i: number, mark = '00112233445566ff'): Reference => ({
  name: `${sha256(`content ${i}`)}-${mark}.zst${i % 2 === 0 ? '' : '.age'}`,
  sizeBytes: i % 3 === 0 ? 2 ** 40 + i : i,
  sha256: sha256(`stored ${i}`),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-known-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('known content', () => {
  it('is found by its digest, whatever else there is, and nothing else is', () => {
    const known = new KnownContent(folder);
    for (let i = 0; i < 20_000; i += 1) {
      known.add(referenceOf(i));
      if (i % 997 === 0) expect(known.find(sha256(`content ${i}`))).toEqual(referenceOf(i));
    }
    for (let i = 0; i < 20_000; i += 13) {
      expect(known.find(sha256(`content ${i}`))).toEqual(referenceOf(i));
      expect(known.find(sha256(`other ${i}`))).toBeUndefined();
    }
    known.add(referenceOf(7, 'ffffffffffffffff'));
    expect(known.find(sha256('content 7'))).toEqual(referenceOf(7));
    known.close();
  });

  it('is found when it came in the order of the digests, as many as were expected and more', () => {
    const known = new KnownContent(folder, 5_000);
    const references = Array.from({ length: 7_000 }, (_, i) => referenceOf(i)).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    for (const reference of references) known.add(reference);
    for (const reference of references) expect(known.find(reference.name.slice(0, 64))).toEqual(reference);
    known.close();
  });

  it('is neither asked nor added to once it is closed: its file may be another one by then', () => {
    const known = new KnownContent(folder, 5_000);
    for (let i = 0; i < 3_000; i += 1) known.add(referenceOf(i));
    known.close();
    const useAll = () => Array.from({ length: 3_000 }, (_, i) => known.find(sha256(`content ${i}`)));
    expect(useAll).toThrow('is closed');
  });
});
