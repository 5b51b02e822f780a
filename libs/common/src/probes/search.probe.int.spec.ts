import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Meilisearch } from 'meilisearch';
import type { Manifest } from '#common/contracts/manifest.js';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { PgConnection } from '#common/pg/connection.js';
import { RestoredShop } from '#common/testing/restored-shop.js';
import { endpoints } from '#tools/services/endpoints.js';
import { parseProfile } from './registry.js';

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
let manifest: Manifest;
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
  return prepared.run(shop.context(manifest, database));
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
    expect(outcome.summary).toContain('60 problems, the first 20 are listed');
    expect(problems(outcome)).toHaveLength(20);
  });

  it('fails when the index is missing, or its rows', async () => {
    expect(problems(await probe({ index: `${name}_none` }))).toEqual([`index ${name}_none: the index is missing`]);
    const [problem] = problems(await probe({ query: 'SELECT id FROM nowhere' }));
    expect(problem).toContain('relation "nowhere" does not exist');
  });

  it('is undecided while a task for the index is not done', async () => {
    const text = 'one two three four five six seven eight nine ten '.repeat(20);
    const heavy = Array.from({ length: 20_000 }, (_, id) => ({ id, text: `${id} ${text}` }));
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
