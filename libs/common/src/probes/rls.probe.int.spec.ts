import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgConnection } from '#common/pg/connection.js';
import { problemsOf, RestoredShop } from '#common/testing/restored-shop.js';
import { parseProfile } from './registry.js';

let shop: RestoredShop;
let manifest: Manifest;

beforeAll(async () => {
  shop = await RestoredShop.create();
  manifest = await shop.manifest();
});
afterAll(() => shop?.drop());

const behaviour = () => ({
  role: shop.app,
  tenantSetting: 'app.tenant',
  column: 'tenant',
  functions: [
    { call: 'public.all_orders()', column: 'tenant' },
    { call: 'public.order_count()', equals: 'SELECT count(*) FROM public.orders WHERE tenant = $1' },
  ],
});

const probe = (params: object, ...tampering: string[]): Promise<ProbeOutcome> =>
  shop.probe({ use: 'rls', ...params }, manifest, tampering);

async function readState(run: (database: PgConnection) => Promise<void>): Promise<{ rows: number; last: string }> {
  const database = await shop.restore();
  await run(database);
  const options = { signal: new AbortController().signal, applicationName: 'spec' };
  return withPgSession(database, options, (session) =>
    session.queryOne<{ rows: number; last: string }>(
      'SELECT (SELECT count(*)::int FROM orders) AS rows, last_value::text AS last FROM orders_id_seq',
    ),
  );
}

describe('rls probe on a true copy', () => {
  it('passes by comparison and by behaviour', async () => {
    const outcome = await probe({ behaviour: behaviour() });
    expect(problemsOf(outcome)).toEqual([]);
    expect(outcome.verdict).toBe('passed');
    expect(outcome.summary).toMatch(
      /4 tables with row-level security; no difference; \d+ trials as 3 tenants through 7 relations/,
    );
  });

  it('leaves no row, sequence value or setting behind', async () => {
    const { rows, last } = await readState(async (database) => {
      const [prepared] = parseProfile({ probes: [{ use: 'rls', behaviour: behaviour() }] });
      await prepared?.run(shop.context(manifest, database));
    });
    expect([rows, last]).toEqual([42, '42']);
  });
});

describe('rls probe on what a bad restore leaves', () => {
  const cases: [string, () => string[], () => string[]][] = [
    [
      'row-level security switched off',
      () => ['ALTER TABLE orders DISABLE ROW LEVEL SECURITY'],
      () => ['public.orders: row-level security is off'],
    ],
    [
      'row-level security no longer forced',
      () => ['ALTER TABLE orders NO FORCE ROW LEVEL SECURITY'],
      () => ['public.orders: row-level security is no longer forced: the owner sees every row'],
    ],
    [
      'a policy dropped',
      () => ['DROP POLICY own ON products'],
      () => ['public.products policy own: the policy is missing'],
    ],
    [
      'a policy loosened',
      () => ['ALTER POLICY own ON orders USING (true)'],
      () => [
        `public.orders policy own: was loosened to USING (true): every row is visible to ${shop.app}, ${shop.reader}`,
      ],
    ],
    [
      'a policy that checks nothing on writing',
      () => ['ALTER POLICY own ON orders WITH CHECK (true)'],
      () => [
        `public.orders policy own: was loosened to WITH CHECK (true): ${shop.app}, ${shop.reader} can write rows of every tenant`,
      ],
    ],
    [
      'a policy for other roles',
      () => [`ALTER POLICY own ON orders TO ${shop.app}`],
      () => ['public.orders policy own: the role list differs'],
    ],
    [
      'an additional policy that opens everything',
      () => [`CREATE POLICY open ON orders FOR SELECT TO ${shop.app} USING (true)`],
      () => [
        'public.orders policy open: the policy is not in the backup and widens what is visible to every row: USING (true)',
      ],
    ],
    [
      'a view that lost security_invoker',
      () => ['ALTER VIEW invoker_products SET (security_invoker = false)'],
      () => ['view public.invoker_products: security_invoker differs'],
    ],
    ['a tenant table dropped', () => ['DROP TABLE events'], () => ['public.events: the tenant table is missing']],
  ];

  it.each(cases)('finds %s by comparison', async (_, tampering, expected) => {
    const outcome = await probe({}, ...tampering());
    expect(outcome.verdict).toBe('failed');
    expect(problemsOf(outcome)).toEqual(expect.arrayContaining(expected()));
  });

  it('calls a policy that was re-created under another name equal', async () => {
    const mine = `(tenant = NULLIF(current_setting('app.tenant'::text, true), ''::text))`;
    const outcome = await probe(
      {},
      'DROP POLICY own ON orders',
      `CREATE POLICY renamed ON orders TO ${shop.reader}, ${shop.app} USING (${mine})`,
    );
    expect(problemsOf(outcome)).toEqual([]);
  });
});

describe('rls probe by behaviour alone', () => {
  const behave = (...tampering: string[]) => probe({ behaviour: behaviour() }, ...tampering);
  const [first] = ['aaaaaaaa'];

  it('sees rows of others when security is off', async () => {
    const outcome = await behave('ALTER TABLE orders DISABLE ROW LEVEL SECURITY');
    expect(problemsOf(outcome)).toEqual(
      expect.arrayContaining([
        'table public.orders without a tenant: rows are visible',
        `table public.orders as tenant ${first}: rows of other tenants are visible`,
      ]),
    );
  });

  it('sees through a view whose owner became a superuser', async () => {
    const outcome = await behave('ALTER VIEW owner_orders OWNER TO postgres');
    expect(problemsOf(outcome)).toContain(
      `view public.owner_orders as tenant ${first}: rows of other tenants are visible`,
    );
  });

  it('sees through functions whose owner became a superuser', async () => {
    const outcome = await behave(
      'ALTER FUNCTION all_orders() OWNER TO postgres',
      'ALTER FUNCTION order_count() OWNER TO postgres',
    );
    expect(problemsOf(outcome)).toEqual(
      expect.arrayContaining([
        `function public.all_orders() as tenant ${first}: rows of other tenants are visible`,
        `function public.order_count() as tenant ${first}: does not give the tenant’s value`,
      ]),
    );
  });

  it('misses its own rows under a policy for nobody', async () => {
    const outcome = await behave(`ALTER POLICY own ON orders TO ${shop.reader}`);
    expect(problemsOf(outcome)).toContain(
      `table public.orders as tenant ${first}: not all of its own rows are visible`,
    );
  });

  it('writes rows of others where no policy checks', async () => {
    const outcome = await behave('ALTER POLICY own ON products WITH CHECK (true)');
    expect(problemsOf(outcome)).toContain(
      `table public.products: INSERT of a row of another tenant: no policy refused ${shop.app}; only a constraint did`,
    );
  });

  it('hands rows to others where everything is open', async () => {
    const outcome = await behave('ALTER POLICY own ON products USING (true) WITH CHECK (true)');
    expect(problemsOf(outcome)).toContain(
      `table public.products: UPDATE that hands a row to another tenant: ${shop.app} was not refused`,
    );
  });

  it('fails for a role that is absent or bypasses everything', async () => {
    const absent = await probe({ behaviour: { ...behaviour(), role: 'nobody_here' } });
    expect(problemsOf(absent)).toContain('role nobody_here: does not exist: the application cannot log in');
    const superuser = await probe({ behaviour: { ...behaviour(), role: 'postgres' } });
    expect(problemsOf(superuser)).toContain(
      'role postgres: bypasses row-level security: it sees the rows of every tenant',
    );
  });

  it('says nothing was shown when the role may read nothing', async () => {
    const outcome = await behave(
      `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${shop.app}`,
      `REVOKE ALL ON FUNCTION all_orders() FROM ${shop.app}`,
      `DROP FUNCTION order_count()`,
    );
    expect(outcome.verdict).not.toBe('passed');
  });
});
