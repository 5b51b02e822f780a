import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { parseProfile } from '#common/engines/profiles.js';
import { problemsOf, RestoredShop } from '#common/testing/restored-shop.js';

let shop: RestoredShop;
let manifest: PostgresManifest;

beforeAll(async () => {
  shop = await RestoredShop.create();
  manifest = await shop.manifest();
});
afterAll(() => shop?.drop());

const probe = (use: string, params: object, ...tampering: string[]): Promise<ProbeOutcome> =>
  shop.probe({ use, ...params }, { manifest }, tampering);

describe('probes of equality on a true copy', () => {
  it.each(['row-counts', 'fingerprints', 'schema', 'sequences', 'extensions'])('%s passes', async (use) => {
    const outcome = await probe(use, {});
    expect({ ...outcome, evidence: problemsOf(outcome) }).toMatchObject({
      probe: use,
      verdict: 'passed',
      evidence: [],
    });
  });

  it('says how much was compared', async () => {
    expect((await probe('row-counts', {})).summary).toBe('5 tables, 115 rows; no difference');
    expect((await probe('fingerprints', { tables: ['public.Price List'] })).summary).toBe('1 table; no difference');
  });
});

describe('probes of equality on a copy that differs', () => {
  const cases: [string, string, object, string, string][] = [
    [
      'a deleted row',
      'row-counts',
      {},
      'DELETE FROM orders WHERE id = 3',
      'public.orders: 1 row fewer than in the backup',
    ],
    [
      'rows of one partition',
      'row-counts',
      { tables: ['public.events'] },
      `INSERT INTO events SELECT 'aaaaaaaa', '2026-06-01' FROM generate_series(1, 2)`,
      'public.events: 2 rows more than in the backup',
    ],
    ['a dropped table', 'row-counts', {}, 'DROP TABLE "Price List"', 'public."Price List": the table is missing'],
    [
      'a table made since',
      'row-counts',
      {},
      'CREATE TABLE newer (id int)',
      'public.newer: the table is not in the backup',
    ],
    [
      'an altered row, same count',
      'fingerprints',
      {},
      'UPDATE orders SET cents = cents + 1 WHERE id = 5',
      'public.orders: the content differs',
    ],
    [
      'an altered row in a partition',
      'fingerprints',
      { tables: ['public.events'] },
      `UPDATE events SET at = '2026-05-02' WHERE ctid = (SELECT ctid FROM events LIMIT 1)`,
      'public.events: the content differs',
    ],
    [
      'a dropped index or key',
      'schema',
      {},
      'ALTER TABLE products DROP CONSTRAINT products_pkey',
      'index public.products_pkey: is missing',
    ],
    [
      'another view definition',
      'schema',
      {},
      'CREATE OR REPLACE VIEW owner_orders AS SELECT id, tenant, cents + 1 - 1 AS cents FROM orders',
      'view public.owner_orders: the definition differs from line 3 on',
    ],
    [
      'another column default',
      'schema',
      {},
      'ALTER TABLE products ALTER COLUMN cents SET DEFAULT 1',
      'column public.products.cents: gained default',
    ],
    ['an object made since', 'schema', {}, 'CREATE VIEW newer AS SELECT 1', 'view public.newer: is not in the backup'],
    [
      'a sequence that lags',
      'sequences',
      {},
      `SELECT setval('orders_id_seq', 2)`,
      'public.orders_id_seq: stands behind the backup',
    ],
    [
      'another comment on an extension',
      'extensions',
      {},
      `COMMENT ON EXTENSION plpgsql IS 'other'`,
      'plpgsql: has another comment',
    ],
    ['a missing extension', 'extensions', {}, 'DROP EXTENSION plpgsql', 'plpgsql: the extension is missing'],
  ];

  it.each(cases)('finds %s by %s', async (...[, use, params, tampering, expected]) => {
    const outcome = await probe(use, params, tampering);
    expect(outcome.verdict).toBe('failed');
    expect(problemsOf(outcome)).toContain(expected);
  });

  it('leaves tables made since alone when `extraTables` allows them', async () => {
    const outcome = await probe('row-counts', { extraTables: 'allow' }, 'CREATE TABLE newer (id int)');
    expect(outcome.verdict).toBe('passed');
  });

  it('proves nothing about tables that the backup does not hold', async () => {
    expect((await probe('row-counts', { tables: ['nowhere.*'] })).verdict).toBe('inconclusive');
    expect((await probe('fingerprints', { tables: ['nowhere.*'] })).verdict).toBe('inconclusive');
  });

  it('could not run against a database that is gone', async () => {
    const [prepared] = parseProfile({ probes: [{ use: 'row-counts' }] });
    const context = shop.context(manifest, { database: { ...shop.connection, database: 'nowhere_at_all' } });
    await expect(prepared?.run(context)).rejects.toMatchObject({
      code: 'probe.impossible',
      context: { probe: 'row-counts' },
    });
  });
});

describe('sql probe', () => {
  const ask = (...assertions: object[]) => probe('sql', { assertions });

  it('passes when the data is as the operator says', async () => {
    const outcome = await ask(
      { query: 'SELECT count(*) FROM orders', equals: 42 },
      {
        query: 'SELECT tenant, sum(cents) AS cents FROM orders GROUP BY 1 ORDER BY 1 LIMIT 1',
        equals: { tenant: 'aaaaaaaa', cents: 2800 },
      },
      { query: 'SELECT id FROM products WHERE id < 3 ORDER BY 1;', equals: [{ id: 1 }, { id: 2 }] },
      { query: 'SELECT generate_series(1, 2500) -- many', rows: 2500 },
      { query: 'SELECT max(cents) FROM orders', min: 2000, max: 2200 },
    );
    expect(outcome).toMatchObject({ verdict: 'passed', summary: '5 assertions; no difference' });
  });

  it('compares numbers that a double cannot hold by their digits', async () => {
    const query = 'SELECT 9007199254740993 AS n';
    const right = await ask(
      { query, equals: '9007199254740993' },
      { query, equals: { n: '9007199254740993' } },
      { query, min: 9007199254740992, max: 9007199254740994 },
      { query: 'SELECT 0.10', equals: 0.1 },
    );
    expect(problemsOf(right)).toEqual([]);
    const wrong = await ask({ query, equals: 9007199254740992 }, { query, max: 9007199254740992 });
    expect(problemsOf(wrong)).toEqual([`${query}: the answer differs`, `${query}: the value is out of bounds`]);
    expect(wrong.evidence[0]).toMatchObject({ expected: 9007199254740992, actual: '9007199254740993' });
  });

  it('names each assertion that does not hold', async () => {
    const outcome = await ask(
      { name: 'orders', query: 'SELECT count(*) FROM orders', equals: 41 },
      { name: 'rows', query: 'SELECT id FROM products', rows: 61 },
      { name: 'bounds', query: 'SELECT 7', max: 6 },
      { name: 'none', query: 'SELECT 1 WHERE false', equals: null },
      { name: 'gone', query: 'SELECT count(*) FROM invoices', min: 0 },
    );
    expect(outcome.verdict).toBe('failed');
    expect(problemsOf(outcome)).toEqual([
      'orders: the answer differs',
      'rows: the number of rows differs',
      'bounds: the value is out of bounds',
      'none: there is no row',
      'gone: relation "invoices" does not exist',
    ]);
  });

  it('changes nothing and fails to run on a statement that is no query', async () => {
    const writing = ask({ query: 'DELETE FROM orders RETURNING id', rows: 42 });
    await expect(writing).rejects.toMatchObject({ code: 'probe.impossible' });
    const hidden = ask({ query: `SELECT setval('orders_id_seq', 1)`, rows: 1 });
    await expect(hidden).rejects.toMatchObject({ code: 'probe.impossible' });
  });
});
