import { chmod, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { describeBackupRepositoryContract } from '#common/testing/backup-repository-contract.js';
import { openRepository } from './open-repository.js';

const open = (root: string) => openRepository({ name: 'disk', url: pathToFileURL(root).href });
const signal = new AbortController().signal;

/** Permissions do not bind root, who runs CI: a root that the kernel itself keeps as it is. */
async function makeReadOnlyRoot(): Promise<string> {
  if (process.getuid?.() === 0) return '/sys/kernel';
  const root = await mkdtemp(join(tmpdir(), 'holdfast-read-only-'));
  await chmod(root, 0o555);
  return root;
}

describeBackupRepositoryContract('a directory', async () => {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-repository-'));
  const readOnlyRoot = await makeReadOnlyRoot();
  return {
    open: () => open(root),
    openReadOnly: () => open(readOnlyRoot),
    openMissing: () => open(join(root, 'not-mounted')),
    listStored: () => readdir(root, { recursive: true }),
    countUnfinished: async () => (await readdir(join(root, '.unfinished'))).length,
    dispose: async () => {
      await rm(root, { recursive: true });
      if (readOnlyRoot.startsWith(tmpdir())) await rm(readOnlyRoot, { recursive: true });
    },
  };
});

describe('FileRepository', () => {
  it('errors when a file shrinks while it is read', async () => {
    const root = await mkdtemp(join(tmpdir(), 'holdfast-repository-'));
    const repository = open(root);
    await repository.put('shrinking', Buffer.alloc(8 << 20), { signal });
    const body = await repository.get('shrinking', { signal });
    await truncate(join(root, 'shrinking'), 1_000);
    await expect(buffer(body)).rejects.toMatchObject({ code: 'repository.unavailable' });
    await rm(root, { recursive: true });
  });
});
