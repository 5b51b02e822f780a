import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { WrittenKeys } from './written-keys.js';

it('written keys come back as they were, whatever a reader of lines takes for the end of one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-spec-'));
  const keys = ['a', 'b\u2028c', 'd\u2029', 'e\nf', 'g\r', '"h\\u2028"', ''];
  try {
    const written = new WrittenKeys(folder);
    for (const key of keys) written.add(key);
    const found: string[] = [];
    for await (const key of written.all()) found.push(key);
    expect(found).toEqual(keys);
  } finally {
    await rm(folder, { recursive: true });
  }
});
