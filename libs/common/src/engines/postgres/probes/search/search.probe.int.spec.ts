import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Meilisearch } from 'meilisearch';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { parseProfile } from '#common/engines/profiles.js';
import { Exit } from '#common/errors/exit.js';
import type { PgConnection } from '#common/pg/connection.js';
import { RestoredShop } from '#common/testing/restored-shop.js';
import { endpoints } from '#tools/services/endpoints.js';

const { url, masterKey } = endpoints.meilisearch;
const client = new Meilisearch({ host: url, apiKey: masterKey });
const PATIENCE = { timeout: 60_000 };

interface Product {
  id: number;
  tenantId: string;
  name: string;
  cents: number;
  note?: string;
}

const QUERY = `SELECT id, tenant AS "tenantId", name, cents, NULL::text AS note FROM products`;
const TENANTS = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'];
const toProduct = (id: number): Product => ({
  id,
  tenantId: TENANTS[id % 3] ?? '',
  name: `product ${id}`,
  cents: id * 10,
});

let shop: RestoredShop;
let manifest: PostgresManifest;
let database: PgConnection;
let name: string;

beforeAll(async () => {
  shop = await RestoredShop.create();
  manifest = await shop.manifest();
  database = await shop.restore();
  name = `probe_${shop.id}`;
});
afterAll(async () => {
  await shop?.drop();
  for (const index of [name, `${name}_heavy`]) await client.deleteIndex(index).waitTask(PATIENCE);
});

beforeEach(async () => {
  const products = Array.from({ length: 60 }, (_, index) => toProduct(index + 1));
  await client.index(name).deleteAllDocuments().waitTask(PATIENCE);
  await client.index<Product>(name).addDocuments(products, { primaryKey: 'id' }).waitTask(PATIENCE);
});

async function probe(params: object = {}): Promise<ProbeOutcome> {
  const use = { use: 'search', url, apiKey: masterKey, index: name, query: QUERY, ...params };
  const [prepared] = parseProfile({ probes: [use] });
  if (prepared === undefined) throw new Error('no probe');
  return prepared.run(shop.context(manifest, { database }));
}

const problems = ({ evidence }: ProbeOutcome): string[] =>
  evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]));

describe('search probe', () => {
  it('passes when every document is the row it was built from', async () => {
    const outcome = await probe();
    expect(outcome).toMatchObject({
      verdict: 'passed',
      summary: `index ${name}: 60 documents, 60 rows, 60 equal; no difference`,
    });
  });

  it('names a missing, a stale and an orphan document', async () => {
    await client.index(name).deleteDocument(7).waitTask(PATIENCE);
    await client
      .index<Product>(name)
      .addDocuments([{ ...toProduct(9), cents: 1, name: 'x' }])
      .waitTask(PATIENCE);
    await client
      .index<Product>(name)
      .addDocuments([toProduct(99)])
      .waitTask(PATIENCE);
    const outcome = await probe();
    expect(outcome.verdict).toBe('failed');
    expect(outcome.summary).toBe(
      `index ${name}: 60 documents, 60 rows, 58 equal, 1 missing, 1 orphaned, 1 stale; 3 problems`,
    );
    expect(problems(outcome).sort()).toEqual([
      'document 7: is missing from the index',
      'document 99: is an orphan: the database has no such row',
      'document 9: is stale in name, cents',
    ]);
    const stale = outcome.evidence.find(({ subject }) => subject === 'document 9');
    expect(stale).toMatchObject({ expected: { cents: 90 }, actual: { cents: 1 } });
  });

  it('compares the chosen fields only', async () => {
    await client
      .index<Product>(name)
      .addDocuments([{ ...toProduct(9), cents: 1 }])
      .waitTask(PATIENCE);
    expect((await probe({ fields: ['name'] })).verdict).toBe('passed');
    expect((await probe({ fields: ['name', 'cents'] })).verdict).toBe('failed');
  });

  it('counts all and lists few when everything is wrong', async () => {
    const outcome = await probe({ query: `${QUERY.replace('cents', 'cents + 1 AS cents')};` });
    expect(outcome.summary).toContain('60 stale; 60 problems, the first 20 are listed');
    expect(problems(outcome)).toHaveLength(21);
    expect(problems(outcome).at(-1)).toBe('documents: 40 more stale');
  });

  it('counts each kind, lists some of each, and says how many more there are', async () => {
    const orphans = Array.from({ length: 30 }, (_, at) => toProduct(100 + at));
    await client.index<Product>(name).addDocuments(orphans).waitTask(PATIENCE);
    await client.index(name).deleteDocuments(['1', '2']).waitTask(PATIENCE);
    const outcome = await probe({ query: QUERY.replace('cents', 'CASE WHEN id > 50 THEN 0 ELSE cents END AS cents') });
    expect(outcome.summary).toBe(
      `index ${name}: 88 documents, 60 rows, 48 equal, 2 missing, 30 orphaned, 10 stale; 42 problems, the first 20 are listed`,
    );
    expect(outcome.evidence).toContainEqual({
      subject: `index ${name}`,
      actual: { missing: 2, orphaned: 30, stale: 10 },
    });
    const kinds = problems(outcome).map((line) => line.replace(/document \d+: /, ''));
    const count = (text: string) => kinds.filter((line) => line === text).length;
    expect(count('is missing from the index')).toBe(2);
    expect(count('is an orphan: the database has no such row')).toBe(9);
    expect(count('is stale in cents')).toBe(9);
    expect(kinds).toContain('documents: 21 more orphaned: the database has no such rows');
    expect(kinds).toContain('documents: 1 more stale');
  });

  it('tells numbers and ids apart that are one double', async () => {
    const raw =
      '[{"id":9007199254740993,"n":9007199254740993},{"id":9007199254740992,"n":0.1},{"id":7,"n":9007199254740992}]';
    await client.index(name).deleteAllDocuments().waitTask(PATIENCE);
    await client.index(name).addDocumentsFromString(raw, 'application/json').waitTask(PATIENCE);
    const rows = (n: string) => `SELECT * FROM (VALUES
      (9007199254740993, 9007199254740993::numeric), (9007199254740992, 0.1000), (7, ${n})) v (id, n)`;
    const wrong = await probe({ query: rows('9007199254740993') });
    expect(problems(wrong)).toEqual(['document 7: is stale in n']);
    expect(wrong.evidence[0]).toMatchObject({ expected: { n: '9007199254740993' }, actual: { n: 9007199254740992 } });
    expect((await probe({ query: rows('9007199254740992') })).summary).toContain('3 equal; no difference');
  });

  it('is undecided, by name, about a query that returns an id more than once', async () => {
    const outcome = await probe({ query: `${QUERY} UNION ALL (${QUERY} WHERE id = 7)` });
    expect(outcome).toMatchObject({
      verdict: 'inconclusive',
      summary: `index ${name}: 60 documents, 61 rows, 59 equal, 1 ambiguous; 1 open question`,
    });
    expect(problems(outcome)).toEqual(['document 7: the query returns 2 rows with this id']);
    await client.index(name).deleteDocument(7).waitTask(PATIENCE);
    const missing = await probe({ query: `${QUERY} UNION ALL (${QUERY} WHERE id = 7)` });
    expect(problems(missing)).toEqual(['document 7: is missing from the index']);
  });

  it('names an id that no document can have as that, not as missing', async () => {
    const odd = `SELECT id::text, tenant AS "tenantId", name, cents, NULL::text AS note FROM products
      UNION ALL SELECT v, '', '', 0, NULL FROM (VALUES ('A/1 ü'), (''), (E'a\tb'), (NULL), (repeat('x', 512))) o (v)`;
    const outcome = await probe({ query: odd, fields: ['name'] });
    expect(outcome).toMatchObject({
      verdict: 'inconclusive',
      summary: expect.stringContaining('60 equal, 5 impossible'),
    });
    const why = 'no document can have this id: only 1 to 511 of A-Z, a-z, 0-9, - and _ make one';
    expect(problems(outcome).sort()).toEqual(
      ['document "A/1 ü"', 'document ""', 'document "a\\tb"', 'document without id', `document ${'x'.repeat(512)}`]
        .map((subject) => `${subject}: ${why}`)
        .sort(),
    );
  });

  it('leaves nothing compared with nothing open, unless the profile says that the index may be empty', async () => {
    await client.index(name).deleteAllDocuments().waitTask(PATIENCE);
    const query = `${QUERY} WHERE false`;
    const open = await probe({ query });
    expect(open).toMatchObject({ verdict: 'inconclusive', summary: expect.stringContaining('nothing was compared') });
    expect((await probe({ query, mayBeEmpty: true })).verdict).toBe('passed');
  });

  it('could not look at a server that does not answer, or that is none, and says why', async () => {
    const server = createServer((_, response) => response.writeHead(502).end('<html>bad gateway</html>'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const look = () => probe({ url: `http://127.0.0.1:${port}` }).catch((error: unknown) => error);
    const strange = await look();
    expect(strange).toMatchObject({ code: 'probe.unreachable', exit: Exit.unreachable, retryable: true });
    expect(String(strange)).toContain(`what answers at 127.0.0.1:${port} is no Meilisearch`);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const silent = await look();
    expect(silent).toMatchObject({ code: 'probe.unreachable', exit: Exit.unreachable, retryable: true });
    expect(String(silent)).toMatch(/the search server at 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/);
  });

  it('fails when the index is missing, or its rows', async () => {
    expect(problems(await probe({ index: `${name}_none` }))).toEqual([`index ${name}_none: the index is missing`]);
    const [problem] = problems(await probe({ query: 'SELECT id FROM nowhere' }));
    expect(problem).toContain('relation "nowhere" does not exist');
  });

  it('is undecided while a task for the index is not done', async () => {
    const text = 'one two three four five six seven eight nine ten '.repeat(20);
    const heavy = Array.from({ length: 4_000 }, (_, id) => ({ id, text: `${id} ${text}` }));
    // Meilisearch works on one task at a time: ours waits behind this one.
    const busy = client.index(`${name}_heavy`).addDocuments(heavy);
    await busy;
    const waiting = client.index(name).deleteDocument(7);
    await waiting;
    const outcome = await probe();
    expect(outcome.verdict).toBe('inconclusive');
    expect(outcome.summary).toBe(`index ${name}; 1 open question; 1 index task not done yet`);
    await client.tasks.waitForTask((await waiting).taskUid, PATIENCE);
    expect((await probe()).verdict).toBe('failed');
  });

  it('could not run with a wrong key or a query without the id', async () => {
    await expect(probe({ apiKey: 'wrong' })).rejects.toMatchObject({ code: 'probe.failed' });
    await expect(probe({ idField: 'sku' })).rejects.toThrow('returns no column sku');
    const error = await probe({ apiKey: 'wrong-key-in-no-message' }).catch((caught: unknown) => caught);
    expect(JSON.stringify(error) + String(error)).not.toContain('wrong-key-in-no-message');
  });
});
