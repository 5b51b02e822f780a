import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { EventWriter } from '#common/service/event-writer.js';
import { Installation } from '#common/service/installation.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { planDue } from './plan-due.js';

let bed: CatalogTestBed;
beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());

const members = [{ dataset: 'shop' }];
const config = HoldfastConfig.parse({
  repositories: { local: { url: 'file:///tmp' } },
  datasets: { shop: { kind: 'postgres', url: 'postgres://nobody@localhost/shop', repositories: ['local'] } },
  points: { platform: { members, cron: '* * * * *' }, rare: { members } },
});

it('a recovery point is asked for at its times, and never one that has none', async () => {
  const events = new EventWriter({ instance: 'spec', topicPrefix: '' });
  const deps = { catalog: bed.catalog, events, installation: new Installation(config), logger: silentLogger };
  await planDue(deps);
  await bed.admin.query(`UPDATE holdfast.schedules SET done_until = now() - interval '61 s'`);
  expect((await planDue(deps)).due).toEqual([expect.objectContaining({ schedule: 'platform' })]);
  const asked = await bed.catalog.transaction((tx) => tx.outbox.nextBatch(10));
  expect(asked.map(({ event: { type, data } }) => ({ type, data }))).toEqual([
    { type: 'point.requested', data: { point: 'platform', slotAt: expect.any(String) } },
  ]);
});
