import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { SearchServer } from '#common/testing/search-server.js';
import { Platform } from '#tools/platform/platform.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;
const client = new MeilisearchClient({ url, apiKey }, new AbortController().signal);
const name = `e2e_${randomUUID().slice(0, 8)}`;
let platform: Platform;
let before: string;
let database: ScratchDatabase;
let server: SearchServer;
let folder: string;
let identity: string;
let recipient: string;

beforeAll(async () => {
  ({ identity, recipient } = await generateAgeKeys());
  [server, folder] = [await SearchServer.start(), await mkdtemp(join(tmpdir(), 'holdfast-e2e-'))];
  for (const each of ['bus', 'local', 'repository']) await mkdir(join(folder, each));
  database = await ScratchDatabase.create(
    'postgres18',
    'CREATE TABLE products (id bigint, big bigint)',
    'INSERT INTO products SELECT n, 9007199254740993 + n FROM generate_series(1, 70) n',
  );
  platform = await Platform.start(toPlan());
  await client.done(client.createIndex(name, 'id'));
  await client.done(client.changeSettings(name, { displayedAttributes: ['id'], synonyms: { a: ['b'] } }));
  const lines = Array.from(
    { length: 50 },
    (_, id) => `{"id":${id},"big":${9007199254740993n + BigInt(id)},"none":null}`,
  );
  await client.done(client.addDocuments(name, lines.join('\n')));
  before = await readAll();
}, 120_000);
afterAll(async () => {
  await client.removeIndex(name);
  await platform?.close();
  await database?.drop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const cli = (...args: string[]) => holdfast([...args, '--config', platform.cliConfigFile], platform.env);

const readAll = async (): Promise<string> =>
  `${JSON.stringify(await client.settings(name))} ${await client.documents(name, 0, 1_000)}`;

const toSealed = () => ({
  url: pathToFileURL(join(folder, 'repository')).href,
  encryption: { recipients: [recipient], identity: '${env:IDENTITY}', indexIdentity: '${env:IDENTITY}' },
});

const toFiles = (place: string) => ({
  ...{ kind: 'meilisearch', url, apiKey, directory: join(folder, place) },
  accepts: { datasets: ['dumped'], strategies: ['files'], destinations: ['same'] },
});

/** What a server has that began with the only file of a folder. */
async function readFrom(place: string): Promise<string> {
  const [file = ''] = await readdir(join(folder, place));
  const other = await SearchServer.start({ kind: 'dump', path: join(folder, place, file) });
  try {
    return (await other.client.documents('kept', 0, 10)).toString();
  } finally {
    await other.stop();
  }
}

const toPlan = () => {
  const connection = { kind: 'meilisearch', url, apiKey };
  const accepts = { datasets: ['search', 'plain'], strategies: ['new', 'replace'], destinations: ['same'] };
  const { user, password, host, port } = database.connection;
  const rebuild = { [name]: { url: '${env:SHOP_URL}', query: 'SELECT id, big, NULL AS none FROM products' } };
  return {
    secrets: { IDENTITY: identity, SHOP_URL: `postgres://${user}:${password}@${host}:${port}/${database.name}` },
    config: {
      repositories: { sealed: toSealed() },
      datasets: {
        dumped: { kind: 'meilisearch', ...server.options, dumpDirectory: server.dumps, repositories: ['sealed'] },
        search: { ...connection, include: [name], repositories: ['storage'], rebuild },
        plain: { ...connection, include: [name], repositories: ['storage'] },
      },
      targets: { search: { ...connection, accepts }, bus: toFiles('bus'), local: toFiles('local') },
      profiles: { search: { probes: [{ use: 'checksums' }, { use: 'documents' }] } },
    },
  };
};

describe('indexes of Meilisearch', () => {
  it('are checked', async () => {
    const { stdout } = await cli('check', '--dataset', 'search');
    expect(stdout).toContain(`the key reads settings, documents and tasks of ${name}`);
  });

  it('are backed up, deleted, restored through the bus, and proven equal', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'search' });
    const { data } = await platform.next('backup.completed', causedBy(asked));
    expect(data).toMatchObject({ method: 'documents', counts: { indexes: 1, documents: 50 } });
    await client.removeIndex(name);
    const restore = { dataset: 'search', backup: data.backupId, target: 'search', destination: 'same' };
    const restored = await platform.next(
      'restore.completed',
      causedBy(await ask(platform, 'restore.requested', { ...restore, profile: 'search' })),
    );
    const verified = await platform.next(
      'verification.completed',
      ({ data: said }) => said.runId === restored.data.verificationRunId,
    );
    expect(verified.data.verdict).toBe('passed');
    expect(await readAll()).toBe(before);
  }, 120_000);

  it('are backed up and restored by the command line alone, in place of what is there', async () => {
    const taken = await cli('backup', 'run', 'search', '--local');
    expect({ taken }).toMatchObject({ taken: { exitCode: 0 } });
    await client.done(client.addDocuments(name, '{"id":"ghost"}'));
    const place = ['--target', 'search', '--destination', 'same', '--strategy', 'replace', '--profile', 'search'];
    const { exitCode, stdout, stderr } = await cli('restore', 'run', 'search@latest', ...place, '--local');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout).toContain('passed');
    expect(await readAll()).toBe(before);
  }, 120_000);

  it('are refused where the index is there', async () => {
    const restore = { dataset: 'search', backup: 'latest', target: 'search', destination: 'same' };
    const asked = await ask(platform, 'restore.requested', restore);
    const failed = await platform.next('restore.failed', causedBy(asked));
    expect(failed.data.error).toMatchObject({ code: 'meilisearch.index-exists' });
  }, 60_000);
});

describe('indexes that are made anew from the database', () => {
  const rebuilt = { name, place: name, documents: 70, isReplaced: true };
  const spoil = () => client.done(client.addDocuments(name, '{"id":"ghost"}'));

  const expectRebuilt = async (): Promise<void> => {
    expect(await client.countDocuments(name)).toBe(70);
    const text = (await client.documents(name, 0, 100)).toString('utf8');
    expect(text).toContain('"big":9007199254741063');
    expect(text).not.toContain('ghost');
    expect(await client.settings(name)).toMatchObject({ displayedAttributes: ['id'], synonyms: { a: ['b'] } });
  };

  it('by a request on the bus, told by events', async () => {
    await spoil();
    const asked = await ask(platform, 'reindex.requested', { dataset: 'search', target: 'search' });
    const { data } = await platform.next('reindex.completed', causedBy(asked));
    expect(data).toMatchObject({ target: 'search', destination: 'same', parts: [rebuilt] });
    expect(platform.bus.of('reindex.started', causedBy(asked))).toHaveLength(1);
    const [progressed] = platform.bus.of('reindex.progressed', causedBy(asked));
    expect(progressed?.data).toMatchObject({ stage: expect.stringContaining('index '), totalBytes: null });
    await expectRebuilt();
  }, 60_000);

  it('by the command line, through the services and without them', async () => {
    for (const how of ['--wait', '--local']) {
      await spoil();
      const { exitCode, stdout } = await cli('search', 'rebuild', 'search', '--target', 'search', how);
      expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(name) });
      await expectRebuilt();
    }
  }, 60_000);

  it('are refused where the configuration does not say of what, and fail where the database is gone', async () => {
    const refused = await ask(platform, 'reindex.requested', { dataset: 'plain', target: 'search' });
    const { data } = await platform.next('reindex.rejected', causedBy(refused));
    expect(data.error).toMatchObject({ code: 'request.refused', hint: expect.stringContaining('rebuild') });
    await database.onServer(`DROP DATABASE ${database.name} WITH (FORCE)`);
    const failed = await ask(platform, 'reindex.requested', { dataset: 'search', target: 'search' });
    const told = await platform.next('reindex.failed', causedBy(failed));
    expect(told.data).toMatchObject({ destination: null, error: { message: expect.stringContaining(database.name) } });
    await expectRebuilt();
  }, 60_000);
});

describe('a dump of Meilisearch', () => {
  it('comes back in another server that starts with it, taken and fetched through the bus and by the command line alone', async () => {
    await server.client.done(server.client.addDocuments('kept', '{"id":1,"name":"a"}'));
    const was = (await server.client.documents('kept', 0, 10)).toString();
    const asked = await ask(platform, 'backup.requested', { dataset: 'dumped', method: 'dump' });
    await platform.next('backup.completed', causedBy(asked));
    const wish = { dataset: 'dumped', backup: 'latest:dump', destination: 'same', strategy: 'files' };
    const restore = await ask(platform, 'restore.requested', { ...wish, target: 'bus' });
    await platform.next('restore.completed', causedBy(restore));
    expect(await readFrom('bus')).toBe(was);
    expect(await cli('backup', 'run', 'dumped', '--method', 'dump', '--local')).toMatchObject({ exitCode: 0 });
    const place = ['--target', 'local', '--destination', 'same', '--strategy', 'files', '--local'];
    const local = await cli('restore', 'run', 'dumped@latest:dump', ...place);
    expect(local).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('--import-dump') });
    expect(await readFrom('local')).toBe(was);
  }, 120_000);
});
