import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { MeilisearchDataset, RebuildSource } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { listOwnIndexes, toFreshName } from '#common/engines/meilisearch/restore/own-indexes.js';
import { RestoreFence } from '#common/engines/meilisearch/restore/restore-fence.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { endpoints } from '#tools/services/endpoints.js';
import { rebuildIndexes } from './rebuild-indexes.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;
const { signal } = new AbortController();
const connection = { url, apiKey };
const client = new MeilisearchClient(connection, signal);
const name = `spec_${randomUUID().slice(0, 8)}`;
const ROWS = 1_200;
let database: ScratchDatabase;
let runId: string;

beforeAll(async () => {
  database = await ScratchDatabase.create(
    'postgres18',
    'CREATE TABLE products (id bigint, name text, big bigint)',
    `INSERT INTO products SELECT n, 'product ' || n, 9007199254740993 + n FROM generate_series(1, ${ROWS}) n`,
  );
});
afterAll(async () => {
  await client.removeIndex(name);
  await database.drop();
});

/** An index as it is after a restore of the database: a document too many, one that is stale, settings of its own. */
beforeEach(async () => {
  runId = randomUUID();
  await client.removeIndex(name);
  await client.done(client.createIndex(name, 'id'));
  await client.done(
    client.changeSettings(name, { synonyms: { lamp: ['light'] }, displayedAttributes: ['id', 'name'] }),
  );
  await client.done(client.addDocuments(name, '{"id":"ghost","name":"never sold"}\n{"id":1,"name":"stale"}'));
});

const QUERY = 'SELECT id, name, big, NULL::text AS note FROM products';

const urlOf = (user?: string, password = ''): string => {
  const { host, port, user: admin, password: secret } = database.connection;
  const login = user === undefined ? `${admin}:${secret}` : `${user}:${password}`;
  return `postgres://${login}@${host}:${port}/${database.name}`;
};

function rebuild(
  source: Partial<RebuildSource> = {},
  o: { readonly attempt?: number; readonly destination?: string } = {},
) {
  const { attempt = 1, destination = 'same' } = o;
  const dataset: MeilisearchDataset = {
    ...{
      name: 'spec',
      compression: { level: 1, threads: 1 },
      connection,
      include: [name],
      exclude: [],
      prefix: '',
      directories: { dump: undefined, snapshot: undefined },
    },
    rebuild: { [name]: { url: urlOf(), query: QUERY, primaryKey: 'id', settings: undefined, ...source } },
  };
  const target = { name: 'search', connection, embedderSecrets: {}, directory: undefined };
  const progress: number[] = [];
  const done = rebuildIndexes.run(
    { dataset, target, destination, parts: [name], identity: { runId, attempt } },
    { signal, assertHeld: async () => undefined, onProgress: ({ bytes }) => progress.push(bytes) },
  );
  return { done, progress };
}

const countNow = () => client.countDocuments(name);
const leftOver = async () => (await listOwnIndexes(client)).filter((own) => own.runId === runId);
const textOf = async () => (await client.documents(name, 0, 2_000)).toString('utf8');

async function expectAsBefore(): Promise<void> {
  expect(await countNow()).toBe(2);
  expect(await textOf()).toContain('never sold');
  expect(await leftOver()).toEqual([]);
}

describe('an index that is made anew from SQL', () => {
  it('holds every row with all digits, no ghost, the settings that it had, and is never empty meanwhile', async () => {
    const seen = new Set<number>();
    const { done, progress } = rebuild();
    let isOver = false;
    const looking = (async () => {
      while (!isOver) seen.add(await countNow());
    })();
    const rebuilt = await done;
    isOver = true;
    await looking;
    expect(rebuilt).toEqual({ parts: [{ name, place: name, documents: ROWS, isReplaced: true }] });
    expect([...seen].filter((count) => count !== 2 && count !== ROWS)).toEqual([]);
    const text = await textOf();
    expect(text).toContain(`"big":${9007199254740993n + BigInt(ROWS)}`);
    expect(text).not.toMatch(/never sold|stale/);
    expect(await client.settings(name)).toMatchObject({
      synonyms: { lamp: ['light'] },
      displayedAttributes: ['id', 'name'],
    });
    expect(progress.at(-1)).toBeGreaterThan(ROWS * 40);
    expect(await leftOver()).toEqual([]);
  });

  it('is made where there is none, with the settings of the configuration', async () => {
    await client.removeIndex(name);
    const { done } = rebuild({ settings: { filterableAttributes: ['name'] } });
    expect((await done).parts).toEqual([{ name, place: name, documents: ROWS, isReplaced: false }]);
    expect(await client.settings(name)).toMatchObject({ filterableAttributes: ['name'] });
  });

  it('stands behind the prefix of its destination, and leaves the one without', async () => {
    const { done } = rebuild({}, { destination: 'trial_' });
    expect((await done).parts[0]).toMatchObject({ place: `trial_${name}`, documents: ROWS });
    await client.removeIndex(`trial_${name}`);
    await expectAsBefore();
  });
});

describe('what goes wrong leaves the index as it was, and nothing beside it', () => {
  it('a query that does not run, or returns an id twice', async () => {
    const wrong = rebuild({ query: 'SELECT id, nothing FROM products' });
    await expect(wrong.done).rejects.toMatchObject({
      code: 'search.source',
      message: expect.stringContaining('nothing'),
    });
    const twice = rebuild({ query: `${QUERY} UNION ALL SELECT 7, 'again', 0, NULL` });
    await expect(twice.done).rejects.toMatchObject({
      code: 'search.source',
      context: { rows: ROWS + 1, documents: ROWS },
    });
    await expectAsBefore();
  });

  it('an id that no document can have, named by the server', async () => {
    const { done } = rebuild({ query: `SELECT 'no good' AS id, 'x' AS name` });
    await expect(done).rejects.toMatchObject({
      code: 'meilisearch.task-failed',
      message: expect.stringContaining('no good'),
    });
    await expectAsBefore();
  });

  it('rows that the role may not see, and a password that is wrong', async () => {
    const password = randomUUID();
    const user = await database.createRole('reader', `LOGIN PASSWORD '${password}'`);
    await database.execute(
      'ALTER TABLE products ENABLE ROW LEVEL SECURITY',
      'CREATE POLICY few ON products USING (id < 10)',
      `GRANT SELECT ON products TO ${user}`,
    );
    const blind = rebuild({ url: urlOf(user, password) });
    await expect(blind.done).rejects.toMatchObject({
      code: 'search.source',
      message: expect.stringContaining('row-level'),
    });
    await database.execute('ALTER TABLE products DISABLE ROW LEVEL SECURITY');
    const wrong = rebuild({ url: urlOf(user, 'wrong') });
    await expect(wrong.done).rejects.toMatchObject({ code: 'postgres.auth' });
    await expectAsBefore();
  });

  it('another restore to the destination, and what a killed attempt left', async () => {
    const other = await RestoreFence.open(connection, 'same', {
      identity: { runId: randomUUID(), attempt: 1 },
      signal,
    });
    await expect(rebuild().done).rejects.toMatchObject({ code: 'restore.busy' });
    await other.close();
    await client.done(client.createIndex(toFreshName({ runId, attempt: 1 }, 0), 'id'));
    await client.done(client.addDocuments(toFreshName({ runId, attempt: 1 }, 0), '{"id":"half"}'));
    expect((await rebuild({}, { attempt: 2 }).done).parts[0]).toMatchObject({ documents: ROWS });
    expect(await leftOver()).toEqual([]);
  });
});
