import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { problemsOf, RestoredShop } from '#common/testing/restored-shop.js';

let shop: RestoredShop;
let manifest: PostgresManifest;

beforeAll(async () => {
  shop = await RestoredShop.create();
  manifest = { ...(await shop.manifest()), snapshot: { form: 'base' } } as unknown as PostgresManifest;
});
afterAll(() => shop?.drop());

const probe = (use: string, ...tampering: string[]): Promise<ProbeOutcome> => {
  const application = { role: shop.app, tenantSetting: 'app.tenant', views: ['*'], samples: 3, functions: [] };
  const tenantTables = { schema: 'public', column: 'tenant', application };
  return shop.probe({ use }, { manifest, tenantTables }, tampering);
};

describe('after a restore of a base backup, which tells nothing of its databases', () => {
  it('sequences names those that are behind their own columns, and leaves open whose doing it is', async () => {
    expect((await probe('sequences')).verdict).toBe('passed');
    const behind = await probe('sequences', `SELECT setval('orders_id_seq', 2)`);
    const problem = 'is behind column id of public.orders: it will give keys that exist';
    expect([behind.verdict, problemsOf(behind)]).toEqual(['inconclusive', [`public.orders_id_seq: ${problem}`]]);
  });

  it('rls judges isolation, and that declared tables are guarded', async () => {
    const isolated = await probe('rls');
    expect([isolated.verdict, problemsOf(isolated)]).toEqual(['passed', []]);
    const open = await probe('rls', 'ALTER POLICY own ON orders USING (true)');
    expect(problemsOf(open)).toContain('table public.orders as tenant aaaaaaaa: rows of other tenants are visible');
    const off = await probe('rls', 'ALTER TABLE events DISABLE ROW LEVEL SECURITY');
    expect(problemsOf(off)).toContain('public.events: the tenant table has no row-level security');
  });

  it.each(['row-counts', 'fingerprints', 'schema', 'extensions', 'privileges'])('%s compares nothing', async (use) => {
    expect((await probe(use, 'DROP TABLE "Price List"')).verdict).toBe('inconclusive');
  });
});
