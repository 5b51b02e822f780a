import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { meilisearch } from './meilisearch.js';
import { findBinary } from './meilisearch-binary.js';
import { CannotInstall } from './service.js';

const { PATH: path, MEILISEARCH_BIN: named } = process.env;
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-meilisearch-'));
  process.env['PATH'] = `${folder}:${path}`;
  delete process.env['MEILISEARCH_BIN'];
});
afterEach(async () => {
  process.env['PATH'] = path;
  if (named === undefined) delete process.env['MEILISEARCH_BIN'];
  else process.env['MEILISEARCH_BIN'] = named;
  await rm(folder, { recursive: true });
});

/** A program that prints this as its version. */
async function givenProgram(version: string, file = join(folder, 'meilisearch')): Promise<string> {
  await writeFile(file, `#!/bin/sh\n[ "$*" = --version ] || exit 9\necho '${version}'\n`);
  await chmod(file, 0o755);
  return file;
}

describe('the Meilisearch that is started', () => {
  it('is the one on PATH when it is of the wanted version', async () => {
    const file = await givenProgram('meilisearch 1.50.3');
    expect(await findBinary()).toEqual({ file });
    expect(await meilisearch.whyStandIn?.()).toBeUndefined();
  });

  it('is the one that MEILISEARCH_BIN names, whatever is on PATH', async () => {
    await givenProgram('meilisearch 1.50.0');
    await mkdir(join(folder, 'mine'));
    const file = await givenProgram('meilisearch 1.50.1', join(folder, 'mine', 'server'));
    process.env['MEILISEARCH_BIN'] = file;
    expect(await findBinary()).toEqual({ file });
  });

  it.each([
    ['meilisearch 1.49.0', 'meilisearch 1.49.0'],
    ['meilisearch 1.5.0', 'meilisearch 1.5.0'],
    ['meilisearch 1.500.0', 'meilisearch 1.500.0'],
    ['something else', 'no Meilisearch'],
  ])('is a stand-in, which says that %j was passed over', async (printed, what) => {
    const file = await givenProgram(printed);
    const lack = `${file} on PATH is ${what}, and 1.50 is wanted`;
    expect(await findBinary()).toEqual({ lack });
    expect(await meilisearch.whyStandIn?.()).toBe(lack);
  });

  it('is a stand-in where there is none', async () => {
    expect(await findBinary(async () => undefined)).toEqual({
      lack: 'MEILISEARCH_BIN is not set, and PATH has no meilisearch',
    });
  });

  it('is none at all where MEILISEARCH_BIN names another version or nothing, also with a right one on PATH', async () => {
    await givenProgram('meilisearch 1.50.0');
    for (const wrong of [await givenProgram('meilisearch 1.49.0', join(folder, 'old')), join(folder, 'absent')]) {
      process.env['MEILISEARCH_BIN'] = wrong;
      await expect(findBinary()).rejects.toThrow(CannotInstall);
      await expect(meilisearch.ensureInstalled()).rejects.toThrow(`MEILISEARCH_BIN is ${wrong}`);
      expect(await meilisearch.whyStandIn?.()).toContain(`MEILISEARCH_BIN is ${wrong}`);
    }
  });
});
