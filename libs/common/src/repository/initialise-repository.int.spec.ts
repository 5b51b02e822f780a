import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BackupRepository } from './backup-repository.js';
import { findRepositoryIdentity, initialiseRepository } from './initialise-repository.js';
import { repositoryKey } from './layout.js';
import { openRepository } from './open-repository.js';

const signal = new AbortController().signal;

describe('initialiseRepository', () => {
  let root: string;
  let repository: BackupRepository;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-initialise-'));
    repository = openRepository({ name: 'disk', url: pathToFileURL(root).href });
  });
  afterEach(() => rm(root, { recursive: true }));

  it('gives a place one identity, whichever process comes first', async () => {
    expect(await findRepositoryIdentity(repository, { signal })).toBeUndefined();
    const now = new Date('2026-11-21T10:00:00Z');
    const all = await Promise.all(Array.from({ length: 5 }, () => initialiseRepository(repository, { signal, now })));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all[0]).toMatchObject({ formatVersion: 1, createdAt: '2026-11-21T10:00:00.000Z' });
    expect(await findRepositoryIdentity(repository, { signal })).toEqual(all[0]);
  });

  it.each([
    ['another format version', '{"formatVersion": 2, "layout": "unknown"}', 'repository.format'],
    ['something else', 'not JSON', 'repository.damaged'],
    ['JSON of something else', '{"name": "no repository"}', 'repository.damaged'],
    ['nothing', '', 'repository.damaged'],
  ])('refuses %s by its name and leaves it alone', async (_, text, code) => {
    await repository.put(repositoryKey(), Buffer.from(text), { signal });
    await expect(initialiseRepository(repository, { signal })).rejects.toMatchObject({ code });
    expect((await repository.stat(repositoryKey(), { signal }))?.sizeBytes).toBe(text.length);
  });
});
