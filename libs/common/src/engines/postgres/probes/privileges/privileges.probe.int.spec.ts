import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { onDatabase, onServer, problemsOf, RestoredShop } from '#common/testing/restored-shop.js';

let shop: RestoredShop;
let manifest: PostgresManifest;

beforeAll(async () => {
  shop = await RestoredShop.create();
  manifest = await shop.manifest();
});
afterAll(() => shop?.drop());

const probe = (params: object, ...tampering: string[]): Promise<ProbeOutcome> =>
  shop.probe({ use: 'privileges', ...params }, { manifest }, tampering);

describe('privileges probe', () => {
  it('passes a true copy', async () => {
    const outcome = await probe({});
    expect(problemsOf(outcome)).toEqual([]);
    expect(outcome.summary).toMatch(/^\d+ objects; no difference$/);
    expect(outcome.verdict).toBe('passed');
  });

  it('is conclusive in a database without row-level security, where rls has nothing to judge', async () => {
    const { snapshot } = manifest;
    const none = { enabled: false, forced: false, policies: [] };
    const plain = {
      ...manifest,
      snapshot: { ...snapshot, tables: snapshot.tables.map((table) => ({ ...table, rls: none })) },
    };
    const off = snapshot.tables
      .filter(({ rls }) => rls.enabled)
      .flatMap(({ name }) => [
        `DROP POLICY own ON ${name}`,
        `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY`,
      ]);
    expect((await shop.probe({ use: 'rls' }, { manifest: plain }, off)).verdict).toBe('inconclusive');
    expect((await shop.probe({ use: 'privileges' }, { manifest: plain }, off)).verdict).toBe('passed');
    const changed = await shop.probe({ use: 'privileges' }, { manifest: plain }, [
      ...off,
      'ALTER TABLE orders OWNER TO postgres',
    ]);
    expect(problemsOf(changed)).toContain('table public.orders: the owner changed');
    expect(changed.verdict).toBe('failed');
  });

  it('wants everything to belong to the target’s owner, or to the role that restored, where the target drops them', async () => {
    const toOne = [`ALTER SCHEMA public OWNER TO ${shop.owner}`, `REASSIGN OWNED BY ${shop.reader} TO ${shop.owner}`];
    const given = await probe({ privileges: 'drop', owner: shop.owner }, ...toOne);
    expect(problemsOf(given)).toEqual([]);
    expect(given.summary).toContain(
      `privileges not compared: the target drops them; everything should belong to ${shop.owner}`,
    );
    const kept = await probe({ privileges: 'drop' });
    expect(problemsOf(kept)).toContain('table public.orders: the owner changed');
    const restored = await probe({ privileges: 'drop' }, `REASSIGN OWNED BY ${shop.owner}, ${shop.reader} TO postgres`);
    expect([restored.verdict, problemsOf(restored)]).toEqual(['passed', []]);
  });
});

describe('privileges probe on what a bad restore leaves', () => {
  const cases: [string, () => string[], () => string[]][] = [
    [
      'a view with another owner',
      () => ['ALTER VIEW owner_orders OWNER TO postgres'],
      () => ['view public.owner_orders: the owner changed; it runs with the rights of its owner'],
    ],
    [
      'a SECURITY DEFINER function with another owner',
      () => ['ALTER FUNCTION all_orders() OWNER TO postgres'],
      () => ['function public.all_orders(): the owner changed; it runs with the rights of its owner'],
    ],
    [
      'a privilege revoked',
      () => [`REVOKE INSERT ON products FROM ${shop.app}`],
      () => [`table public.products: privileges differ: lost ${shop.app}=INSERT/${shop.owner}`],
    ],
    [
      'a privilege granted',
      () => ['GRANT SELECT ON products TO PUBLIC'],
      () => [`table public.products: privileges differ: gained public=SELECT/${shop.owner}`],
    ],
    [
      'default privileges lost',
      () => [
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${shop.owner} IN SCHEMA public REVOKE SELECT ON TABLES FROM ${shop.app}`,
      ],
      () => [`default-privileges ${shop.owner} in schema public on tables: are missing`],
    ],
    [
      'a tenant set for every session of the application',
      () => [onDatabase(`ALTER ROLE ${shop.app} IN DATABASE %I SET app.tenant = 'aaaaaaaa'`)],
      () => [`setting app.tenant of role ${shop.app}: is not in the backup`],
    ],
    [
      'a privilege on the database granted',
      () => [onDatabase('GRANT CREATE ON DATABASE %I TO PUBLIC')],
      () => ['the database: privileges differ: gained public=CREATE/postgres'],
    ],
    [
      'a database with another owner',
      () => [onDatabase(`ALTER DATABASE %I OWNER TO ${shop.app}`)],
      () => ['the database: the owner changed'],
    ],
  ];

  it.each(cases)('finds %s', async (_, tampering, expected) => {
    const outcome = await probe({}, ...tampering());
    expect(outcome.verdict).toBe('failed');
    expect(problemsOf(outcome)).toEqual(expect.arrayContaining(expected()));
  });

  it('finds a role that became a member of another one, and one that no longer is', async () => {
    await onServer(`GRANT ${shop.owner} TO ${shop.app} WITH ADMIN OPTION`);
    try {
      const gained = await probe({});
      expect(problemsOf(gained)).toEqual([
        `role ${shop.app} as member of ${shop.owner}: the membership is not in the backup`,
      ]);
      expect(gained.verdict).toBe('failed');
      const before = manifest;
      manifest = await shop.manifest();
      await onServer(`REVOKE ${shop.owner} FROM ${shop.app}`);
      const lost = await probe({});
      manifest = before;
      expect(problemsOf(lost)).toEqual([`role ${shop.app} as member of ${shop.owner}: the membership is missing`]);
    } finally {
      await onServer(`REVOKE ${shop.owner} FROM ${shop.app}`);
    }
  });
});
