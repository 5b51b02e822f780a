import { randomUUID } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { type RestoreDeps, restoreBackup } from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { SearchServer } from '#common/testing/search-server.js';
import { meilisearch } from '../meilisearch.engine.js';
import type { MeilisearchClient } from '../meilisearch-client.js';
import type { MeilisearchDataset } from '../meilisearch-dataset.js';

const { signal } = new AbortController();
let server: SearchServer;
let bed: BackupTestBed;
beforeAll(async () => {
  const { recipient, identity } = await generateAgeKeys();
  bed = await BackupTestBed.create({ recipients: [recipient], identity, indexIdentity: undefined } as never);
  server = await SearchServer.start();
  const { client } = server;
  await client.done(client.createIndex('products', 'id'));
  await client.done(client.changeSettings('products', { synonyms: { a: ['b'] }, stopWords: ['the'] }));
  await client.done(client.addDocuments('products', '{"id":1,"name":"a"}\n{"id":2,"name":"b"}'));
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await bed?.remove();
});

type Options = Readonly<Record<string, unknown>>;
type Method = 'dump' | 'snapshot';

function datasetOf(o: Options = {}): MeilisearchDataset {
  const directories = {
    dumpDirectory: join(server.folder, 'dumps'),
    snapshotDirectory: join(server.folder, 'snapshots'),
  };
  const { schema, resolve } = meilisearch.dataset;
  return resolve(
    { name: 'search', compression: { level: 1, threads: 1 } },
    schema.parse({ ...server.options, ...directories, ...o }),
  );
}

const backup = (method: Method, dataset = datasetOf(), into = bed): Promise<Manifest> =>
  takeBackup(into.attempt(dataset, { method }), into.depsOf(meilisearch), signal);

function restore(manifest: Manifest, directory: string | undefined) {
  const { schema, resolve } = meilisearch.target;
  const target = resolve({ name: 'standby' }, schema.parse({ url: 'http://127.0.0.1:9', directory }));
  const order = {
    manifest,
    target,
    destination: 'same',
    strategy: 'files',
    identity: { runId: randomUUID(), attempt: 1 },
  };
  const engine = meilisearch as unknown as RestoreDeps['engine'];
  return restoreBackup(order, { repository: bed.repository, engine, workDirectory: bed.folder }, signal);
}

async function folderOf(name: string): Promise<string> {
  const folder = join(bed.folder, name);
  await mkdir(folder);
  return folder;
}

async function read(client: MeilisearchClient): Promise<unknown> {
  const { results } = JSON.parse((await client.documents('products', 0, 100)).toString()) as { results: unknown[] };
  return { documents: results, settings: await client.settings('products') };
}

describe('a dump and a snapshot of a search server', () => {
  it.each(['dump', 'snapshot'] as const)(
    'make another server the same: %s',
    async (kind) => {
      const manifest = await backup(kind);
      expect(manifest).toMatchObject({ method: kind, counts: { indexes: 1, documents: 2 } });
      const folder = await folderOf(kind);
      const { findings } = await restore(manifest, folder);
      const [file = ''] = await readdir(folder);
      expect(await readdir(folder)).toHaveLength(1);
      expect(findings['nextSteps']?.at(-1)).toContain(`--import-${kind} ${join(folder, file)}`);
      const other = await SearchServer.start({ kind, path: join(folder, file) });
      try {
        expect(await read(other.client)).toEqual(await read(server.client));
      } finally {
        await other.stop();
      }
    },
    60_000,
  );

  it('leave no dump behind, and the snapshot to the server', async () => {
    await backup('dump');
    await backup('snapshot');
    expect(await readdir(join(server.folder, 'dumps'))).toEqual([]);
    expect(await readdir(join(server.folder, 'snapshots'))).toHaveLength(1);
  }, 60_000);

  it('hold keys, so that no repository takes them that is not encrypted', async () => {
    const plain = await BackupTestBed.create();
    try {
      await expect(backup('dump', datasetOf(), plain)).rejects.toMatchObject({ code: 'meilisearch.secrets' });
    } finally {
      await plain.remove();
    }
  });

  it.each([
    ['no directory is named', { dumpDirectory: undefined }, 'config.invalid'],
    ['it cannot be read', { dumpDirectory: '/nowhere' }, 'meilisearch.directory'],
    ['it is not that of the server', { dumpDirectory: '/tmp' }, 'meilisearch.directory'],
  ])('are refused where %s', async (_, o, code) => {
    await expect(backup('dump', datasetOf(o))).rejects.toMatchObject({ code });
  });

  it('are not restored over a file that is there, or to no directory', async () => {
    const manifest = await backup('snapshot');
    const folder = await folderOf('taken');
    await writeFile(join(folder, (await readdir(join(server.folder, 'snapshots')))[0] ?? ''), 'another');
    await expect(restore(manifest, folder)).rejects.toMatchObject({ code: 'meilisearch.directory' });
    await expect(restore(manifest, undefined)).rejects.toMatchObject({ code: 'meilisearch.directory' });
    expect(await readdir(folder)).toHaveLength(1);
  }, 60_000);
});
