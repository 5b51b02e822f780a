import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { parseProfile } from '#common/engines/profiles.js';
import { RestoredShop } from '#common/testing/restored-shop.js';

let shop: RestoredShop;
let manifest: PostgresManifest;

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

async function probe(params: object, tampering: readonly string[], of = manifest): Promise<ProbeOutcome> {
  const [prepared] = parseProfile({ probes: [{ use: 'schema', ...params }] });
  if (prepared === undefined) throw new Error('no probe');
  return prepared.run(shop.context(of, { database: await shop.restore(...tampering) }));
}

const onDatabase = (change: string): string =>
  `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ${change}', current_database()); END $$`;

const problems = ({ evidence }: ProbeOutcome): string[] =>
  evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]));

/** All of them leave every row, column, constraint and definition as it was. */
describe('schema probe beyond definitions', () => {
  const cases: [string, string, string][] = [
    [
      'foreign keys no longer enforced',
      'ALTER TABLE products DISABLE TRIGGER ALL',
      'constraint products_list_fkey on public.products: is not enforced: its triggers are disabled',
    ],
    [
      'foreign keys of a referred table no longer enforced',
      'ALTER TABLE "Price List" DISABLE TRIGGER ALL',
      'constraint products_list_fkey on public."Price List": is not enforced: its triggers are disabled',
    ],
    ['a rule lost', 'DROP RULE log ON products', 'rule log on public.products: is missing'],
    ['a rule switched off', 'ALTER TABLE products DISABLE RULE log', 'rule log on public.products: gained firing'],
    [
      'a view that lost security_barrier',
      'ALTER VIEW cheap_products RESET (security_barrier)',
      'view public.cheap_products: lost its options',
    ],
    [
      'a view that gained an option',
      'ALTER VIEW owner_orders SET (security_barrier)',
      'view public.owner_orders: gained options',
    ],
    [
      'a sequence with another increment',
      'ALTER SEQUENCE orders_id_seq INCREMENT 10',
      'sequence public.orders_id_seq: the increment differs',
    ],
    [
      'a sequence that begins again',
      'ALTER SEQUENCE labels CYCLE MAXVALUE 100',
      'sequence public.labels: gained cycle',
    ],
    [
      'a sequence that outlives its table',
      'ALTER SEQUENCE labels OWNED BY NONE',
      'sequence public.labels: lost its owning column',
    ],
    [
      'a publication that tells less',
      `ALTER PUBLICATION changes SET (publish = 'insert')`,
      'publication changes: the operations differ',
    ],
    ['a publication made since', 'CREATE PUBLICATION leak FOR ALL TABLES', 'publication leak: is not in the backup'],
    [
      'an event trigger made since',
      'CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch()',
      'event trigger watch: is not in the backup',
    ],
    [
      'another comment',
      `COMMENT ON COLUMN products.name IS 'something else'`,
      'comment on table column public.products.name: the text differs',
    ],
    ['a lost large object', 'SELECT lo_unlink(4711)', 'large object 4711: is missing'],
    [
      'row-level security made an error for every session',
      onDatabase('SET row_security = off'),
      'setting row_security of the database: is not in the backup',
    ],
    [
      'another search path',
      onDatabase('SET search_path = pg_temp, public'),
      'setting search_path of the database: is not in the backup',
    ],
  ];

  it('passes on a true copy', async () => {
    const outcome = await probe({}, []);
    expect({ verdict: outcome.verdict, problems: problems(outcome) }).toEqual({ verdict: 'passed', problems: [] });
  });

  it.each(cases)('finds %s', async (_, tampering, expected) => {
    const outcome = await probe({}, [tampering]);
    expect(outcome.verdict).toBe('failed');
    expect(problems(outcome)).toContain(expected);
  });

  it('allows additional objects with what belongs to them, but no rule on an object of the backup', async () => {
    const additional = ['CREATE SEQUENCE more', `COMMENT ON SEQUENCE more IS 'new'`];
    const allowed = await probe({ extraObjects: 'allow' }, additional);
    expect(problems(allowed)).toEqual([]);
    const ruled = await probe({ extraObjects: 'allow' }, [
      ...additional,
      'CREATE RULE keep AS ON DELETE TO products DO INSTEAD NOTHING',
    ]);
    expect(problems(ruled)).toContain('rule keep on public.products: is not in the backup');
    expect(problems(ruled).filter((problem) => problem.includes('more'))).toEqual([]);
  });

  it('finds a database that compares and sorts otherwise, and not one whose locale is only spelled otherwise', async () => {
    const of = (locale: Partial<PostgresManifest['snapshot']>): PostgresManifest => ({
      ...manifest,
      snapshot: { ...manifest.snapshot, ...locale },
    });
    const other = of({ encoding: 'LATIN1', collation: 'sv_SE.ISO-8859-1', localeProvider: 'icu', locale: 'sv' });
    expect(problems(await probe({}, [], other))).toEqual([
      'the database: the encoding differs',
      'the database: the collation (LC_COLLATE) differs',
      'the database: the locale provider differs',
      'the database: the locale of the provider differs',
    ]);
    const spelled = of({ collation: manifest.snapshot.collation.replace(/utf-?8/i, 'utf8') });
    expect(problems(await probe({}, [], spelled))).toEqual([]);
  });
});
