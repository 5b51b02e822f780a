import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { meilisearch } from '#common/engines/meilisearch/meilisearch.engine.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { MeilisearchDataset, MeilisearchTarget } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { loadIndexes } from '#common/engines/meilisearch/pick-indexes.js';
import { assertEqual, fillIndex } from '#common/engines/meilisearch/restore/fill-index.js';
import { toFreshName } from '#common/engines/meilisearch/restore/own-indexes.js';
import { openBackup } from '#common/operations/open-backup.js';
import { restoreBackup } from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { IndexReading } from './index-reading.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;
const { signal } = new AbortController();
const admin = new MeilisearchClient({ url, apiKey }, signal);
const made: string[] = [];
const keys: string[] = [];
let bed: BackupTestBed;
beforeAll(async () => {
  bed = await BackupTestBed.create();
});
afterAll(async () => {
  for (const uid of made) await admin.removeIndex(uid);
  for (const uid of keys) await fetch(`${url}/keys/${uid}`, { method: 'DELETE', headers: master });
  await bed.remove();
});

const master = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

const newName = (): string => {
  made.push(`spec_${randomUUID().slice(0, 8)}`);
  return made.at(-1) ?? '';
};

const datasetOf = (name: string, key: string = apiKey): MeilisearchDataset => ({
  ...{ name: 'spec', compression: { level: 1, threads: 1 }, connection: { url, apiKey: key } },
  ...{ include: [name], exclude: [], prefix: '', directories: { dump: undefined, snapshot: undefined }, rebuild: {} },
});

const target: MeilisearchTarget = {
  name: 'staging',
  connection: { url, apiKey },
  embedderSecrets: {},
  directory: undefined,
};

const backup = (dataset: MeilisearchDataset) =>
  takeBackup(bed.attempt(dataset, { method: 'documents' }), bed.depsOf(meilisearch), signal);

async function keyOf(...actions: string[]): Promise<string> {
  const body = JSON.stringify({ actions, indexes: ['*'], expiresAt: null });
  const answer = await fetch(`${url}/keys`, { method: 'POST', headers: master, body });
  const { uid, key } = (await answer.json()) as { uid: string; key: string };
  keys.push(uid);
  return key;
}

const add = (uid: string, ...documents: readonly object[]) =>
  admin.done(admin.addDocuments(uid, documents.map((each) => JSON.stringify(each)).join('\n')));

describe('an index of several pages', () => {
  const large = (id: number) => ({ id, text: 'x'.repeat(900_000) });
  let name: string;
  beforeAll(async () => {
    name = newName();
    await admin.done(admin.createIndex(name, 'id'));
    await add(name, ...Array.from({ length: 9 }, (_, id) => large(id)));
  }, 60_000);

  const readingOf = async (): Promise<IndexReading> => {
    const [index] = await loadIndexes(admin, datasetOf(name));
    if (index === undefined) throw new Error('the index is missing');
    return new IndexReading(admin, index, '00000.ndjson', signal);
  };

  it('is read anew where it changes between two pages, and only the last reading counts', async () => {
    const reading = await readingOf();
    const chunks: Buffer[] = [];
    for await (const chunk of reading.lines()) {
      chunks.push(chunk);
      if (chunks.length === 2) await add(name, { id: 'late' });
    }
    const text = Buffer.concat(chunks);
    const { startByte, sizeBytes, documents } = reading.facts;
    expect([documents, startByte > 0, startByte + sizeBytes]).toEqual([10, true, text.length]);
    const lines = text.subarray(startByte).toString().trimEnd().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toEqual(['index', name, 'id', expect.any(Object)]);
    expect(new Set(lines.slice(1).map((line) => JSON.parse(line).id))).toEqual(
      new Set([...Array.from({ length: 9 }, (_, id) => id), 'late']),
    );

    const [uid, source] = [newName(), reading.facts];
    const open = async () => Readable.from([text]);
    const filled = await fillIndex(admin, { source, uid, open, secrets: {}, onBytes: () => undefined });
    await assertEqual(admin, filled, source);
    await add(uid, { id: 'later' });
    await expect(assertEqual(admin, filled, source)).rejects.toMatchObject({ code: 'meilisearch.unequal' });
  }, 60_000);

  it('fails where it changes during every reading', async () => {
    const reading = await readingOf();
    const attempt = async (): Promise<void> => {
      for await (const chunk of reading.lines())
        if (chunk[0] === 0x7b) await add(name, { id: 'late', at: randomUUID() });
    };
    await expect(attempt()).rejects.toMatchObject({ code: 'meilisearch.changing', retryable: true });
  }, 120_000);
});

describe('secrets of embedders', () => {
  it('are in no backup, and come back from the configuration', async () => {
    const name = newName();
    await admin.done(admin.createIndex(name, 'id'));
    const shape = { request: { input: '{{text}}' }, response: { embedding: '{{embedding}}' } };
    const hidden = { apiKey: 'sk-one-secret-of-a-spec', headers: { 'X-Token': 'another-secret-of-a-spec' } };
    const remote = { source: 'rest', url: 'http://127.0.0.1:9/embed', dimensions: 2, ...shape, ...hidden };
    await admin.done(admin.changeSettings(name, { embedders: { remote } }));
    const manifest = await backup(datasetOf(name));
    const { manifest: opened } = await openBackup(
      manifest,
      { repository: bed.repository, engine: meilisearch },
      signal,
    );
    const secrets = ['remote.apiKey', 'remote.headers.X-Token'];
    expect(opened.snapshot).toMatchObject({ indexes: [{ secrets }] });
    expect(meilisearch.summarise(opened.snapshot as never).warnings).toEqual([
      expect.stringContaining(secrets[0] ?? ''),
    ]);
    for (const file of await bed.files()) expect(await readFile(file, 'utf8')).not.toContain('secret-of-a-spec');

    const restore = async (destination: string, given: MeilisearchTarget) => {
      made.push(destination + name);
      const identity = { runId: randomUUID(), attempt: 1 };
      const order = { manifest, target: given, destination, strategy: 'new', identity };
      const deps = { repository: bed.repository, engine: meilisearch, workDirectory: bed.folder };
      const { findings } = await restoreBackup(order, deps, signal);
      const { embedders } = (await admin.settings(destination + name)) as { embedders: { remote: typeof remote } };
      return { lacking: findings['lackingSecrets'], remote: embedders.remote };
    };
    const without = await restore('without_', target);
    expect(without.lacking).toEqual(secrets.map((path) => `${name}: ${path}`));
    const withThem = await restore('with_', { ...target, embedderSecrets: { [name]: { remote: hidden } } });
    expect(withThem).toMatchObject({ lacking: [], remote: { headers: hidden.headers, apiKey: expect.any(String) } });
  }, 60_000);
});

describe('the key of a dataset', () => {
  const rights = ['documents.get', 'indexes.get', 'settings.get', 'stats.get', 'tasks.get', 'version'];

  it('needs the rights that the page names, and no more', async () => {
    const name = newName();
    await admin.done(admin.createIndex(name, 'id'));
    await add(name, { id: 1 });
    const manifest = await backup(datasetOf(name, await keyOf(...rights)));
    expect(manifest).toMatchObject({ counts: { indexes: 1, documents: 1 }, facts: { keys: null, webhooks: null } });
    for (const missing of rights) {
      const key = await keyOf(...rights.filter((each) => each !== missing));
      await expect(backup(datasetOf(name, key))).rejects.toMatchObject({ code: 'meilisearch.denied' });
    }
  }, 60_000);
});

describe('a restore', () => {
  it('fails with the server’s own words where a task fails, and leaves nothing', async () => {
    const name = newName();
    await admin.done(admin.createIndex(name, 'id'));
    await expect(add(name, { id: 'not an id' })).rejects.toMatchObject({
      code: 'meilisearch.task-failed',
      message: expect.stringContaining('not an id'),
    });
  });

  it('removes the fresh indexes that a killed attempt of its run left, and a sweep those of runs that are over', async () => {
    const [driver] = meilisearch.restores;
    if (driver === undefined) throw new Error('there is no driver');
    const [over, open] = [randomUUID(), randomUUID()];
    const left = [over, open].map((runId) => toFreshName({ runId, attempt: 1 }, 0));
    for (const uid of left) await admin.done(admin.createIndex(uid, 'id'));
    const swept = await driver.sweep(target, async (runId) => (runId === over ? 'over' : 'open'), signal);
    expect(swept).toMatchObject({ removed: [left[0]], failed: [] });
    expect(await admin.findIndex(left[1] ?? '')).toBeDefined();

    const name = newName();
    await admin.done(admin.createIndex(name, 'id'));
    const manifest = await backup(datasetOf(name));
    made.push(`again_${name}`);
    await restoreBackup(
      { manifest, target, destination: 'again_', strategy: 'new', identity: { runId: open, attempt: 2 } },
      { repository: bed.repository, engine: meilisearch, workDirectory: bed.folder },
      signal,
    );
    expect(await admin.findIndex(left[1] ?? '')).toBeUndefined();
  }, 60_000);
});
