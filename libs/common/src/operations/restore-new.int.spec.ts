import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '../contracts/manifest.js';
import { type ShopRoles, shopOf } from '../testing/restore-shop.js';
import { comparable, RestoreTestBed } from '../testing/restore-test-bed.js';

describe.each(['postgres18', 'postgres15'] as const)('a restore to a new database on %s', (server) => {
  let bed: RestoreTestBed;
  let roles: ShopRoles;
  let manifest: Manifest;
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server);
    roles = await shopOf(bed.source);
    manifest = await bed.backup();
  });
  afterAll(() => bed.drop());

  it('equals the source in every fact, owners, privileges and settings included', async () => {
    const database = bed.nameOf('whole');
    const outcome = await bed.restore(bed.order(manifest, database));
    expect(outcome).toMatchObject({ harmlessErrors: [], createdRoles: [], safetyBackupId: null });
    expect(comparable(await bed.facts(database))).toEqual(comparable(await bed.facts(bed.source.name)));
    expect(roles.app).toBeTruthy();
  });
});
