import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { parseProfile } from '#common/engines/profiles.js';
import type { PgConnection } from '#common/pg/connection.js';
import { problemsOf, RestoredShop } from '#common/testing/restored-shop.js';

let shop: RestoredShop;
let manifest: PostgresManifest;

beforeAll(async () => {
  shop = await RestoredShop.create(
    // Soft-deleted rows, hidden from their own tenant too.
    'ALTER TABLE orders ADD hidden boolean NOT NULL DEFAULT false',
    'UPDATE orders SET hidden = true WHERE id % 3 = 0',
    'CREATE POLICY present ON orders AS RESTRICTIVE FOR SELECT USING (NOT hidden)',
    // Shared rows, open to every tenant.
    `INSERT INTO products VALUES (100, 'everybody', 'shared', 1)`,
    `CREATE POLICY shared ON products FOR SELECT USING (tenant = 'everybody')`,
    'CREATE VIEW recent WITH (security_invoker = true) AS SELECT * FROM events WHERE at > now()',
    'GRANT SELECT ON recent TO PUBLIC',
  );
  manifest = await shop.manifest(tenantTables());
});
afterAll(() => shop?.drop());

const tenantTables = () => ({
  ...{ schema: 'public', column: 'tenant' },
  application: {
    ...{ role: shop.app, tenantSetting: 'app.tenant', views: ['*'], samples: 3 },
    functions: [
      { call: 'public.all_orders()', column: 'tenant' },
      {
        call: 'public.order_count()',
        equals: 'SELECT count(*) FROM public.orders WHERE tenant = $1 AND NOT hidden',
      },
    ],
  },
});

/** By comparison alone. */
const compare = (...tampering: string[]): Promise<ProbeOutcome> => shop.probe({ use: 'rls' }, { manifest }, tampering);

/** By behaviour as well. */
const behave = (...tampering: string[]): Promise<ProbeOutcome> =>
  shop.probe({ use: 'rls' }, { manifest, tenantTables: tenantTables() }, tampering);

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
  it('passes where the application sees what it saw: not all of its rows, and shared ones of another tenant', async () => {
    const outcome = await behave();
    expect(problemsOf(outcome)).toEqual([]);
    expect(outcome.verdict).toBe('passed');
    expect(outcome.summary).toMatch(
      /4 tables with row-level security; no difference; \d+ trials as 3 tenants through 8 relations/,
    );
    expect(outcome.summary).toContain('visible already in the backup through table public.products');
    expect(outcome.summary).toContain(
      'view public.recent was not recorded: it, or a policy, view or function behind it, asks for the time',
    );
  });

  it('judges isolation only, and says why, where the backup holds no record', async () => {
    const { tenants, ...old } = manifest.snapshot;
    const judge = (snapshot: PostgresManifest['snapshot'], ...tampering: string[]) =>
      shop.probe({ use: 'rls' }, { manifest: { ...manifest, snapshot }, tenantTables: tenantTables() }, [
        'DROP POLICY shared ON products',
        ...tampering,
      ]);
    const outcome = await judge(old);
    expect(problemsOf(outcome)).toEqual(['public.products policy shared: the policy is missing']);
    expect(outcome.summary).toMatch(
      /what the application saw was not recorded: the dataset named no application when the backup was taken; only isolation/,
    );
    const recordedByOther = {
      ...old,
      tenants: { ...tenants, role: 'other' } as PostgresManifest['snapshot']['tenants'],
    };
    expect((await judge(recordedByOther)).summary).toContain('the backup knows role other with app.tenant');
    const open = await judge(old, 'ALTER TABLE orders DISABLE ROW LEVEL SECURITY');
    expect(problemsOf(open)).toContain('table public.orders without a tenant: rows are visible');
  });

  it('tries nothing where the profile says that the target lacks the role', async () => {
    const outcome = await shop.probe(
      { use: 'rls', ...{ behaviour: 'skip' } },
      { manifest, tenantTables: tenantTables() },
    );
    expect(outcome).toMatchObject({ verdict: 'passed', summary: '4 tables with row-level security; no difference' });
  });

  it('leaves no row, sequence value or setting behind', async () => {
    const { rows, last } = await readState(async (database) => {
      const [prepared] = parseProfile({ probes: [{ use: 'rls' }] });
      await prepared?.run(shop.context(manifest, { database, tenantTables: tenantTables() }));
    });
    expect([rows, last]).toEqual([42, '42']);
  });
});

describe('the record of what the application saw', () => {
  it('says why there is none, with the grant that mends it', async () => {
    const reasonFor = async (role: string): Promise<string | null | undefined> => {
      const tables = tenantTables();
      const facts = await shop.manifest({ ...tables, application: { ...tables.application, role } });
      return facts.snapshot.tenants?.reason;
    };
    expect(await reasonFor('nowhere')).toBe('role nowhere does not exist');
    expect(await reasonFor('postgres')).toContain('bypasses row-level security');
  });

  it('holds counts by relation and tenant, and no row', () => {
    const { seen, unreadable, reason } = manifest.snapshot.tenants ?? {};
    expect([reason, unreadable]).toEqual([null, []]);
    expect(seen).toContainEqual({
      relation: 'table public.orders',
      tenant: 'cccccccc',
      own: 14,
      others: 0,
      unowned: 0,
    });
    expect(seen).toContainEqual({ relation: 'view public.owner_orders', tenant: null, own: 0, others: 0, unowned: 0 });
    expect(seen).toContainEqual({ relation: 'table public.products', tenant: '', own: 0, others: 1, unowned: 0 });
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
    [
      'a tenant table dropped',
      () => ['DROP TABLE events CASCADE'],
      () => ['public.events: the tenant table is missing'],
    ],
  ];

  it.each(cases)('finds %s by comparison', async (_, tampering, expected) => {
    const outcome = await compare(...tampering());
    expect(outcome.verdict).toBe('failed');
    expect(problemsOf(outcome)).toEqual(expect.arrayContaining(expected()));
  });

  it('calls a policy that was re-created under another name equal', async () => {
    const mine = `(tenant = NULLIF(current_setting('app.tenant'::text, true), ''::text))`;
    const outcome = await compare(
      'DROP POLICY own ON orders',
      `CREATE POLICY renamed ON orders TO ${shop.reader}, ${shop.app} USING (${mine})`,
    );
    expect(problemsOf(outcome)).toEqual([]);
  });
});

describe('rls probe by behaviour alone', () => {
  const [first] = ['aaaaaaaa'];

  it('sees rows of others when security is off', async () => {
    const outcome = await behave('ALTER TABLE orders DISABLE ROW LEVEL SECURITY');
    expect(problemsOf(outcome)).toEqual(
      expect.arrayContaining([
        'table public.orders without a tenant: rows of other tenants are visible',
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

  it('misses its own rows under a policy for another role', async () => {
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
    const as = (role: string) => {
      const tables = tenantTables();
      const named = { ...tables, application: { ...tables.application, role } };
      return shop.probe({ use: 'rls' }, { manifest, tenantTables: named });
    };
    expect(problemsOf(await as('nobody_here'))).toContain(
      'role nobody_here: does not exist: the application cannot log in',
    );
    expect(problemsOf(await as('postgres'))).toContain(
      'role postgres: bypasses row-level security: it sees the rows of every tenant',
    );
  });

  it('sees more of a tenant’s own rows than before where a restrictive policy is gone', async () => {
    const outcome = await behave('DROP POLICY present ON orders');
    expect(problemsOf(outcome)).toEqual(
      expect.arrayContaining([
        'public.orders policy present: the policy is missing',
        'table public.orders as tenant cccccccc: more of its own rows are visible than before',
        'view public.owner_orders as tenant cccccccc: more of its own rows are visible than before',
      ]),
    );
  });

  it('says nothing was shown when the role may read nothing', async () => {
    const outcome = await behave(
      `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${shop.app}`,
      `REVOKE ALL ON FUNCTION all_orders() FROM ${shop.app}`,
      `DROP FUNCTION order_count()`,
    );
    expect(outcome.verdict).toBe('failed');
    expect(problemsOf(outcome)).toContain(`table public.orders without a tenant: ${shop.app} may no longer read it`);
  });
});
