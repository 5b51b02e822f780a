import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '#tools/check/root.js';

const page = readFileSync(join(root, 'docs/explanation/architecture.md'), 'utf8');
const files = [...page.matchAll(/^\| (\d+) \| `([^`]+)` \|/gm)].map(([, number, file = '']) => ({
  number: Number(number),
  file: file.startsWith('apps/') ? file : `libs/common/src/${file}`,
}));

describe('the walk from a request to bytes in S3', () => {
  it('takes at most twenty files, which are all there', () => {
    expect(files.length).toBeGreaterThan(10);
    expect(files.length).toBeLessThanOrEqual(20);
    expect(files.map(({ number }) => number)).toEqual(files.map((_, index) => index + 1));
    expect(files.filter(({ file }) => !existsSync(join(root, file)))).toEqual([]);
  });
});
