import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { BackupId } from '#common/domain/ids.js';
import { Installation } from '#common/service/installation.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { listDrills } from './drills.js';

const postgres = { kind: 'postgres', url: 'postgres://nobody@localhost/shop', repositories: ['disk'] };
const installation = new Installation(
  HoldfastConfig.parse({
    repositories: { disk: { url: 'file:///tmp/nowhere' } },
    datasets: { shop: postgres, books: postgres },
    targets: {
      scratch: {
        ...{ kind: 'postgres', url: 'postgres://nobody@localhost/postgres' },
        accepts: { datasets: ['shop'], destinations: ['drill_*'], drills: true },
      },
    },
    profiles: { any: { probes: [{ use: 'checksums' }] } },
    schedules: { 'books-weekly': { dataset: 'books', method: 'base', cron: '0 1 * * 0' } },
    drills: { 'shop-quarterly': { dataset: 'shop', target: 'scratch', profile: 'any' } },
  }),
);

let bed: CatalogTestBed;
beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(async () => {
  await bed?.close();
  await installation.close();
});

async function drilled(
  dataset: string,
  result: { readonly isPassed: boolean; readonly rtoMs: number },
): Promise<string> {
  const { id: runId } = await bed.enqueue({ kind: 'drill', dataset });
  await bed.catalog.transaction(async (tx) => {
    const drill = await tx.drills.begin({
      ...{ runId, attempt: 1, name: null, dataset, method: 'dump', target: 'scratch', destination: 'drill_1' },
      ...{ backupId: randomUUID() as BackupId, recovery: null },
    });
    await tx.drills.complete(drill, 'passed', { ...result, probes: [], verdictKey: 'key' });
  });
  return runId;
}

describe('GET drills', () => {
  it('names what was never proven first, and of the rest what the last drill showed', async () => {
    await drilled('shop', { isPassed: false, rtoMs: 9 });
    const last = await drilled('shop', { isPassed: true, rtoMs: 7 });
    await drilled('gone', { isPassed: true, rtoMs: 1 });
    expect(await listDrills({ catalog: bed.catalog, installation })).toEqual([
      { dataset: 'books', method: 'dump', drills: [], last: null },
      { dataset: 'books', method: 'base', drills: [], last: null },
      {
        ...{ dataset: 'shop', method: 'dump', drills: ['shop-quarterly'] },
        last: { isPassed: true, rtoMs: 7, runId: last, completedAt: expect.any(String) },
      },
    ]);
  });
});
