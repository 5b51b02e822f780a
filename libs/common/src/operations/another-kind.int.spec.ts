import { createReadStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Engine, ProtectedDataset } from '#common/engines/engine.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { findBackup } from '#common/repository/read-backups.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { Keyring } from '#common/sealing/keyring.js';
import { toUnsealing } from '#common/sealing/sealing.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { openManifest } from './open-manifest.js';
import { takeBackup } from './take-backup.js';

const { signal } = new AbortController();

interface Folder extends ProtectedDataset {
  readonly path: string;
}
const FolderFacts = z.object({ takenAt: z.string(), files: z.array(z.string()) });

/** A kind of store of its own: every file of a folder is an object. */
const folders: Engine<Folder, z.infer<typeof FolderFacts>> = {
  kind: 'folder',
  facts: FolderFacts,
  methods: [
    {
      name: 'dump',
      byHand: ({ facts }) => facts.files.map((file) => `cat ${file}`),
      open: async ({ path }, { sealing, signal: until }) => {
        const files = (await readdir(path)).sort();
        return {
          ...{ busPosition: null, tools: { cat: '1' }, close: async () => undefined },
          facts: async () => ({ takenAt: '2026-11-21T10:00:00.000Z', files }),
          async *objects() {
            for (const name of files) {
              const input = createReadStream(join(path, name));
              const chain = spawnChain(sealing.tail(), { signal: until, input });
              yield { name, stage: 'copy', stream: chain.stdout };
              await chain.ended;
            }
          },
        };
      },
    },
  ],
  summarise: ({ takenAt, files }) => ({
    ...{ snapshotAt: takenAt, source: 'a folder', sourceSizeBytes: 0, counts: { files: files.length }, warnings: [] },
  }),
};

let bed: BackupTestBed;
afterEach(() => bed.remove());

describe.each([false, true])('a kind of store that only its engine knows, encrypted: %s', (isEncrypted) => {
  const itSealed = !isEncrypted || isAgeInstalled ? it : it.skip;
  let keyring: Keyring;
  let dataset: Folder;
  beforeEach(async () => {
    const { identity, recipient } = await generateAgeKeys();
    keyring = await Keyring.parse(identity, 'the spec');
    bed = await BackupTestBed.create(isEncrypted ? { recipients: [recipient], identity } : undefined);
    const path = join(bed.folder, 'source');
    await mkdir(path);
    for (const name of ['a.txt', 'b.txt']) await writeFile(join(path, name), `content of ${name}`);
    dataset = { name: 'files', compression: { level: 1, threads: 1 }, path };
  });

  itSealed('is backed up, sealed, listed and told by hand as any other', async () => {
    const manifest = await takeBackup(bed.attempt(dataset), bed.depsOf(folders), signal);
    expect(manifest).toMatchObject({
      ...{ kind: 'folder', snapshotAt: '2026-11-21T10:00:00.000Z', source: 'a folder', counts: { files: 2 } },
      restoreByHand: expect.arrayContaining(['cat a.txt', 'cat b.txt']),
    });
    expect(await findBackup(bed.repository, 'files', manifest.backupId, { signal })).toEqual(manifest);
    for (const object of manifest.objects.filter(({ name }) => !name.startsWith('facts'))) {
      const input = await bed.repository.get(object.key, { signal });
      const content = await buffer(spawnChain(toUnsealing(object, keyring), { signal, input }).stdout);
      expect(content.toString()).toBe(`content of ${object.name.replace(/\.zst.*$/, '')}`);
    }
  });

  itSealed('is said to be unknown, and not corrupt, by a program without that engine', async () => {
    const manifest = await takeBackup(bed.attempt(dataset), bed.depsOf(folders), signal);
    await expect(openManifest(manifest, bed.repository, signal)).rejects.toMatchObject({
      ...{
        code: 'backup.unknown-kind',
        message: expect.stringContaining('kind "folder"; this program knows postgres'),
      },
    });
  });

  it('is refused a method that its engine has not', async () => {
    const engine = { ...folders, methods: [] };
    await expect(takeBackup(bed.attempt(dataset), bed.depsOf(engine), signal)).rejects.toMatchObject({
      code: 'request.refused',
      message: expect.stringContaining('"dump"'),
    });
  });
});
