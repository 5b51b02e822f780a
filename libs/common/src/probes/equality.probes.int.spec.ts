import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '../contracts/manifest.js';
import type { ProbeOutcome } from '../domain/verdict.js';
import { RestoredShop } from '../testing/restored-shop.js';
import { parseProfile } from './registry.js';

let shop: RestoredShop;
let manifest: Manifest;

beforeAll(async () => {
  shop = await RestoredShop.create(
    `ALTER TABLE products ADD COLUMN list int CONSTRAINT products_list_fkey REFERENCES "Price List"`,
    `CREATE RULE log AS ON UPDATE TO products WHERE new.cents < 0 DO INSTEAD NOTHING`,
    `CREATE VIEW cheap_products WITH (security_barrier) AS SELECT * FROM products WHERE cents < 100`,
    `ALTER TABLE "Price List" OWNER TO postgres`,
    `CREATE SEQUENCE labels OWNED BY "Price List".id`,
    `CREATE PUBLICATION changes FOR TABLE products`,
    `COMMENT ON COLUMN products.name IS 'as printed'`,
    `SELECT lo_create(4711)`,
    `CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`,
  );
  manifest = await shop.manifest();
});
afterAll(() => shop?.drop());

async function probe(use: string, params: object, ...tampering: string[]): Promise<ProbeOutcome> {
  const [prepared] = parseProfile({ probes: [{ use, ...params }] });
  if (prepared === undefined) throw new Error('no probe');
  return prepared.run(shop.context(manifest, await shop.restore(...tampering)));
}

const onDatabase = (change: string): string =>
  `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ${change}', current_database()); END $$`;

const problems = ({ evidence }: ProbeOutcome): string[] =>
  evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]));

describe('probes of equality on a true copy', () => {
  it.each(['row-counts', 'fingerprints', 'schema', 'sequences', 'extensions'])('%s passes', async (use) => {
    const outcome = await probe(use, {});
    expect({ ...outcome, evidence: problems(outcome) }).toMatchObject({ probe: use, verdict: 'passed', evidence: [] });
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
    [
      'a dropped table',
      'row-counts',
      {},
      'DROP TABLE "Price List" CASCADE',
      'public."Price List": the table is missing',
    ],
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
      'view public.owner_orders: the definition differs',
    ],
    [
      'another column default',
      'schema',
      {},
      'ALTER TABLE products ALTER COLUMN cents SET DEFAULT 1',
      'tables, columns, constraints and indexes: the digest differs',
    ],
    [
      'an object made since',
      'schema',
      {},
      'CREATE VIEW newer AS SELECT 1',
      'view public.newer: the object is not in the backup',
    ],
    [
      'a sequence that lags',
      'sequences',
      {},
      `SELECT setval('orders_id_seq', 2)`,
      'public.orders_id_seq: stands behind the backup',
    ],
    [
      'foreign keys no longer enforced',
      'schema',
      {},
      'ALTER TABLE products DISABLE TRIGGER ALL',
      'constraint products_list_fkey on public.products: is not enforced: its triggers are disabled',
    ],
    [
      'foreign keys of a referred table no longer enforced',
      'schema',
      {},
      'ALTER TABLE "Price List" DISABLE TRIGGER ALL',
      'constraint products_list_fkey on public."Price List": is not enforced: its triggers are disabled',
    ],
    [
      'a rule that swallows deletions',
      'schema',
      {},
      'CREATE RULE keep AS ON DELETE TO products DO INSTEAD NOTHING',
      'rule keep on public.products: is not in the backup',
    ],
    [
      'such a rule where additional objects are welcome',
      'schema',
      { extraObjects: 'allow' },
      'CREATE RULE keep AS ON DELETE TO products DO INSTEAD NOTHING',
      'rule keep on public.products: is not in the backup',
    ],
    ['a rule lost', 'schema', {}, 'DROP RULE log ON products', 'rule log on public.products: is missing'],
    [
      'a rule switched off',
      'schema',
      {},
      'ALTER TABLE products DISABLE RULE log',
      'rule log on public.products: differs from the backup',
    ],
    [
      'a view that lost security_barrier',
      'schema',
      {},
      'ALTER VIEW cheap_products RESET (security_barrier)',
      'options of public.cheap_products: is missing',
    ],
    [
      'a view that gained an option',
      'schema',
      {},
      'ALTER VIEW owner_orders SET (security_barrier)',
      'options of public.owner_orders: is not in the backup',
    ],
    [
      'a sequence with another increment',
      'schema',
      {},
      'ALTER SEQUENCE orders_id_seq INCREMENT 10',
      'sequence public.orders_id_seq: differs from the backup',
    ],
    [
      'a sequence that begins again',
      'schema',
      {},
      'ALTER SEQUENCE labels CYCLE MAXVALUE 100',
      'sequence public.labels: differs from the backup',
    ],
    [
      'a sequence that outlives its table',
      'schema',
      {},
      'ALTER SEQUENCE labels OWNED BY NONE',
      'sequence public.labels: differs from the backup',
    ],
    [
      'a publication that tells less',
      'schema',
      {},
      `ALTER PUBLICATION changes SET (publish = 'insert')`,
      'publication changes: differs from the backup',
    ],
    [
      'a publication made since',
      'schema',
      {},
      'CREATE PUBLICATION leak FOR ALL TABLES',
      'publication leak: is not in the backup',
    ],
    [
      'an event trigger made since',
      'schema',
      {},
      'CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch()',
      'event trigger watch: is not in the backup',
    ],
    [
      'another comment',
      'schema',
      {},
      `COMMENT ON COLUMN products.name IS 'something else'`,
      'comment on table column public.products.name: differs from the backup',
    ],
    ['a lost large object', 'schema', {}, 'SELECT lo_unlink(4711)', 'large objects: differs from the backup'],
    [
      'row-level security made an error for everybody',
      'schema',
      {},
      onDatabase('SET row_security = off'),
      'setting row_security of the database: is not in the backup',
    ],
    [
      'another search path',
      'schema',
      {},
      onDatabase('SET search_path = pg_temp, public'),
      'setting search_path of the database: is not in the backup',
    ],
    ['a missing extension', 'extensions', {}, 'DROP EXTENSION plpgsql CASCADE', 'plpgsql: the extension is missing'],
  ];

  it.each(cases)('finds %s by %s', async (...[, use, params, tampering, expected]) => {
    const outcome = await probe(use, params, tampering);
    expect(outcome.verdict).toBe('failed');
    expect(problems(outcome)).toContain(expected);
  });

  it('leaves tables made since alone when told to', async () => {
    const outcome = await probe('row-counts', { extraTables: 'allow' }, 'CREATE TABLE newer (id int)');
    expect(outcome.verdict).toBe('passed');
  });

  it('proves nothing about tables that the backup does not hold', async () => {
    expect((await probe('row-counts', { tables: ['nowhere.*'] })).verdict).toBe('inconclusive');
    expect((await probe('fingerprints', { tables: ['nowhere.*'] })).verdict).toBe('inconclusive');
  });

  it('could not run against a database that is gone', async () => {
    const [prepared] = parseProfile({ probes: [{ use: 'row-counts' }] });
    const context = shop.context(manifest, { ...shop.connection, database: 'nowhere_at_all' });
    await expect(prepared?.run(context)).rejects.toMatchObject({
      code: 'probe.failed',
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

  it('names each assertion that does not hold', async () => {
    const outcome = await ask(
      { name: 'orders', query: 'SELECT count(*) FROM orders', equals: 41 },
      { name: 'rows', query: 'SELECT id FROM products', rows: 61 },
      { name: 'bounds', query: 'SELECT 7', max: 6 },
      { name: 'none', query: 'SELECT 1 WHERE false', equals: null },
      { name: 'gone', query: 'SELECT count(*) FROM invoices', min: 0 },
    );
    expect(outcome.verdict).toBe('failed');
    expect(problems(outcome)).toEqual([
      'orders: the answer differs',
      'rows: the number of rows differs',
      'bounds: the value is out of bounds',
      'none: there is no row',
      'gone: relation "invoices" does not exist',
    ]);
  });

  it('changes nothing and fails to run on a statement that is no query', async () => {
    const writing = ask({ query: 'DELETE FROM orders RETURNING id', rows: 42 });
    await expect(writing).rejects.toMatchObject({ code: 'probe.failed' });
    const hidden = ask({ query: `SELECT setval('orders_id_seq', 1)`, rows: 1 });
    await expect(hidden).rejects.toMatchObject({ code: 'probe.failed' });
  });
});
