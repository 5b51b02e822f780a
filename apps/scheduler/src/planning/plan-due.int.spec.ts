import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Catalog, openCatalog } from '#common/catalog/catalog.js';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { Facts } from '#common/service/facts.js';
import { Installation } from '#common/service/installation.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type PlanDueDeps, planDue } from './plan-due.js';

const database = `planning_${randomUUID().replaceAll('-', '')}`;
const url = endpoints.postgres18.url.replace(/\/[^/]*$/, `/${database}`);
const admin = new pg.Client({ connectionString: endpoints.postgres18.url });
let catalogs: Catalog[] = [];

beforeAll(async () => {
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  catalogs = [await openCatalog({ url, applicationName: 'one' }), await openCatalog({ url, applicationName: 'two' })];
  await catalogs[0]?.migrate();
});

afterAll(async () => {
  await Promise.all(catalogs.map((catalog) => catalog.close()));
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.end();
});

function scheduler(catalog: Catalog | undefined, schedules: object): PlanDueDeps {
  const config = HoldfastConfig.parse({
    repositories: { local: { url: 'file:///tmp' } },
    datasets: { shop: { kind: 'postgres', url: 'postgres://nobody@localhost/shop', repositories: ['local'] } },
    schedules,
  });
  if (catalog === undefined) throw new Error('no catalog');
  const facts = new Facts({ instance: 'test', topicPrefix: '' });
  return { catalog, facts, installation: new Installation(config), logger: silentLogger };
}

const waiting = (schedule: string) =>
  catalogs[0]?.transaction(async (tx) =>
    (await tx.outbox.nextBatch(1_000)).filter(({ event }) =>
      JSON.stringify(event).includes(`"schedule":"${schedule}"`),
    ),
  );

describe('planning', () => {
  it('makes one request per slot, however many schedulers look at the same moment', async () => {
    const everySecond = { 'every-second': { dataset: 'shop', cron: '* * * * * *' } };
    const two = catalogs.map((catalog) => scheduler(catalog, everySecond));
    const slots: string[] = [];
    while (slots.length < 2) {
      const decisions = await Promise.all(two.map(planDue));
      slots.push(...decisions.flatMap(({ due }) => due.map(({ slotAt }) => slotAt.toISOString())));
      await sleep(100);
    }
    expect(new Set(slots).size).toBe(slots.length);
    const requests = await waiting('every-second');
    expect(requests).toHaveLength(slots.length);
    expect(new Set(requests?.map(({ eventId }) => eventId)).size).toBe(slots.length);
  });

  it('begins a new schedule at the moment it is first seen, not in the past', async () => {
    const nightly = { nightly: { dataset: 'shop', cron: '0 2 * * *', zone: 'Europe/Berlin' } };
    expect(await planDue(scheduler(catalogs[0], nightly))).toEqual({ due: [], passed: [] });
    expect(await waiting('nightly')).toEqual([]);
  });

  it('makes up for slots that passed while nobody looked by one late run', async () => {
    const hourly = { hourly: { dataset: 'shop', cron: '0 * * * *' } };
    await planDue(scheduler(catalogs[0], hourly));
    await catalogs[0]?.transaction((tx) => tx.schedules.lock(['hourly']));
    const back = new pg.Client({ connectionString: url });
    await back.connect();
    await back.query(`UPDATE holdfast.schedules SET done_until = now() - interval '5 hours' WHERE name = 'hourly'`);
    await back.end();
    const { due, passed } = await planDue(scheduler(catalogs[1], hourly));
    expect(due).toHaveLength(1);
    expect(passed.map(({ reason }) => reason)).toEqual(['superseded', 'superseded', 'superseded', 'superseded']);
    expect(await waiting('hourly')).toHaveLength(1);
  });

  it('names the schedule whose cron expression cannot be read', async () => {
    const broken = { broken: { dataset: 'shop', cron: 'every night' } };
    await expect(planDue(scheduler(catalogs[0], broken))).rejects.toThrow(/schedules\.broken/);
  });
});
