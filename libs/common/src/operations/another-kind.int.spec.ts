import { createReadStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { WalRange } from '#common/contracts/manifest.js';
import type { Engine, ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { HOLD_LIVES_MS } from '#common/repository/expiry-marker.js';
import { listHolds } from '#common/repository/holds.js';
import { findBackup } from '#common/repository/read-backups.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { Keyring } from '#common/sealing/keyring.js';
import { toUnsealing } from '#common/sealing/sealing.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { backupIdAt } from '#common/testing/stored-backup.js';
import { expireBackup } from './expire-backup.js';
import { openBackup } from './open-backup.js';
import { takeBackup } from './take-backup.js';

const { signal } = new AbortController();

interface Folder extends ProtectedDataset {
  readonly path: string;
}
const FolderFacts = z.object({ takenAt: z.string(), files: z.array(z.string()) });

type BackedUp<D extends ProtectedDataset, F extends object> = Pick<
  Engine<D, RestoreTarget, F>,
  'kind' | 'facts' | 'methods' | 'summarise'
>;

const wal: WalRange = {
  ...{ kind: 'wal', systemId: '7412345678901234567', timeline: 1, startLsn: '0/2000028', endLsn: '0/2000100' },
};

/** A method that builds on backups of its own, and on what a server archives. */
const increments = (needs: readonly string[]): BackedUp<Folder, z.infer<typeof FolderFacts>> => ({
  ...folders,
  methods: [
    {
      name: 'increment',
      byHand: (made) => made.needs.map((id) => `# first: backup ${id}`),
      open: async (_, { sealing }) => ({
        ...{ busPosition: null, tools: {}, needs, close: async () => undefined },
        facts: async () => ({ takenAt: '2026-11-21T11:00:00.000Z', files: [] }),
        requires: async () => [wal],
        async *objects() {
          yield { name: 'changes', stage: 'copy', stream: Readable.from([await sealing.bytes(Buffer.from('+'))]) };
        },
      }),
    },
  ],
});

/** A kind of dataset of its own: every file of a folder is an object. */
const folders: BackedUp<Folder, z.infer<typeof FolderFacts>> = {
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

describe.each([false, true])('a kind of dataset that only its engine knows, encrypted: %s', (isEncrypted) => {
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

  itSealed('is backed up, sealed and listed as any other, and brings the commands for a restore by hand', async () => {
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
    await expect(openBackup(manifest, { repository: bed.repository, engine: postgres }, signal)).rejects.toMatchObject({
      ...{
        code: 'backup.unknown-kind',
        message: expect.stringContaining('kind "folder"; this program knows postgres'),
      },
    });
  });

  describe('with a method that builds on other backups', () => {
    const build = (parent: string) =>
      takeBackup(bed.attempt(dataset, { method: 'increment' }), bed.depsOf(increments([parent])), signal);

    itSealed('says in its manifest what it needs and what it requires, and by hand what comes first', async () => {
      const { backupId } = await takeBackup(bed.attempt(dataset), bed.depsOf(folders), signal);
      const child = await build(backupId);
      expect(child).toMatchObject({ method: 'increment', needs: [backupId], requires: [wal] });
      expect(child.restoreByHand).toContain(`# first: backup ${backupId}`);
      expect(await findBackup(bed.repository, 'files', child.backupId, { signal })).toEqual(child);
    });

    itSealed(
      'leaves a hold on what it builds on that outlives it: a sweep sees the hold, or the manifest',
      async () => {
        const { backupId } = await takeBackup(bed.attempt(dataset), bed.depsOf(folders), signal);
        const child = await build(backupId);
        const holds = await listHolds(bed.repository, { dataset: 'files', backupId }, { signal });
        expect(holds).toEqual([
          expect.objectContaining({ reason: `backup ${child.backupId} builds on it`, livesMs: HOLD_LIVES_MS }),
        ]);
        const expiry = { dataset: 'files', backupId, reasons: ['old'] };
        expect(await expireBackup(expiry, { repository: bed.repository }, signal)).toBe('held');
      },
    );

    itSealed('builds on nothing that is marked for deletion, gone or damaged', async () => {
      const marked = await takeBackup(bed.attempt(dataset), bed.depsOf(folders), signal);
      const expiry = { dataset: 'files', backupId: marked.backupId, reasons: ['old'] };
      await expireBackup(expiry, { repository: bed.repository }, signal);
      const damaged = await takeBackup(bed.attempt(dataset), bed.depsOf(folders), signal);
      await bed.repository.remove(damaged.objects[0]?.key ?? '', { signal });
      const before = await bed.files();
      await expect(build(marked.backupId)).rejects.toMatchObject({ code: 'backup.expiring' });
      await expect(build(damaged.backupId)).rejects.toMatchObject({ code: 'backup.damaged' });
      await expect(build(backupIdAt(1))).rejects.toMatchObject({ code: 'backup.missing' });
      expect((await bed.files()).filter((file) => !before.includes(file))).toEqual([]);
    });
  });

  it('is refused a method that its engine has not', async () => {
    await expect(
      takeBackup(bed.attempt(dataset, { method: 'other' }), bed.depsOf(folders), signal),
    ).rejects.toMatchObject({
      code: 'request.refused',
      message: expect.stringContaining('"other"'),
    });
  });
});
