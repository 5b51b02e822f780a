import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Catalog, openCatalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { RunId } from '#common/domain/ids.js';
import type { DueDecision } from '#common/domain/schedule.policy.js';
import { EventWriter } from '#common/service/event-writer.js';
import { Installation } from '#common/service/installation.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { aRun } from '#common/testing/catalog-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { resumeSchedule } from '../http/schedules.js';
import { type PlanDueDeps, planDue } from './plan-due.js';

const database = `planning_${randomUUID().replaceAll('-', '')}`;
const url = endpoints.postgres18.url.replace(/\/[^/]*$/, `/${database}`);
const admin = new pg.Client({ connectionString: endpoints.postgres18.url });
/** In the catalog's database. */
const session = new pg.Client({ connectionString: url });
let catalogs: Catalog[] = [];

beforeAll(async () => {
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  catalogs = [await openCatalog({ url, applicationName: 'one' }), await openCatalog({ url, applicationName: 'two' })];
  await catalogs[0]?.migrate();
  await session.connect();
});

afterAll(async () => {
  await Promise.all([...catalogs.map((catalog) => catalog.close()), session.end()]);
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.end();
});

function scheduler(catalog: Catalog | undefined, schedules: object, drills: object = {}): PlanDueDeps {
  const config = HoldfastConfig.parse({
    repositories: { local: { url: 'file:///tmp' } },
    datasets: { shop: { kind: 'postgres', url: 'postgres://nobody@localhost/shop', repositories: ['local'] } },
    targets: {
      scratch: {
        ...{ kind: 'postgres', url: 'postgres://nobody@localhost/postgres' },
        accepts: { datasets: ['shop'], destinations: ['drill_*'], drills: true },
      },
    },
    profiles: { shop: { probes: [{ use: 'checksums' }] } },
    ...{ schedules, drills },
  });
  if (catalog === undefined) throw new Error('no catalog');
  const events = new EventWriter({ instance: 'test', topicPrefix: '' });
  return { catalog, events, installation: new Installation(config), logger: silentLogger };
}

const waiting = (schedule: string) =>
  catalogs[0]?.transaction(async (tx) =>
    (await tx.outbox.nextBatch(1_000)).filter(({ event }) =>
      JSON.stringify(event).includes(`"schedule":"${schedule}"`),
    ),
  );

async function inCatalog<T>(work: (tx: CatalogTx) => Promise<T>): Promise<T> {
  if (catalogs[0] === undefined) throw new Error('no catalog');
  return catalogs[0].transaction(work);
}

/** A schedule that was last looked after some time ago. */
async function begin(name: string, config: object, ago: string): Promise<void> {
  await planDue(scheduler(catalogs[0], config));
  await session.query('UPDATE holdfast.schedules SET done_until = now() - $2::interval WHERE name = $1', [name, ago]);
}

/** Looks as the tick does, until there is something to see. */
async function planUntil(deps: PlanDueDeps, isSeen: (decision: DueDecision) => boolean): Promise<DueDecision> {
  for (;;) {
    const decision = await planDue(deps);
    if (isSeen(decision)) return decision;
    await sleep(100);
  }
}

const lastRunOf = async (schedule: string) => {
  const [mark] = await inCatalog((tx) => tx.schedules.marks([schedule]));
  return mark?.lastRunId as RunId;
};

/** As intake does it. */
const startRun = async (schedule: string) => {
  const id = await lastRunOf(schedule);
  await inCatalog((tx) => tx.runs.enqueue(aRun({ id, dataset: 'shop' })));
};

const endRun = async (schedule: string) => {
  const ended = `UPDATE holdfast.runs SET state = 'completed', settled_at = now() WHERE id = $1`;
  await session.query(ended, [await lastRunOf(schedule)]);
};

const audited = (schedule: string) => inCatalog((tx) => tx.audit.list({ subject: `schedule ${schedule}` }));

describe('planning', () => {
  it('asks once for each of hundreds of schedules that are due at once, though several schedulers look at the same moment', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `many-${index}`);
    const many = Object.fromEntries(names.map((name) => [name, { dataset: 'shop', cron: '* * * * *' }]));
    await planDue(scheduler(catalogs[0], many));
    await session.query(`UPDATE holdfast.schedules SET done_until = now() - interval '61 s' WHERE name LIKE 'many-%'`);
    const decisions = await Promise.all(catalogs.map((catalog) => planDue(scheduler(catalog, many))));
    const due = decisions.flatMap((decision) => decision.due.map(({ schedule }) => schedule));
    expect(due.toSorted()).toEqual(names.toSorted());
    const requests = await inCatalog((tx) => tx.outbox.nextBatch(1_000));
    const asked = requests.map(({ event }) => (event as unknown as { data: { schedule: string } }).data.schedule);
    expect(asked.filter((schedule) => schedule.startsWith('many-')).toSorted()).toEqual(names.toSorted());
  });

  it('asks for a drill when one is due, and keeps its last run as that of a schedule', async () => {
    const drills = { rehearsal: { dataset: 'shop', target: 'scratch', profile: 'shop', cron: '* * * * *' } };
    const deps = scheduler(catalogs[0], {}, drills);
    await planDue(deps);
    await session.query(`UPDATE holdfast.schedules SET done_until = now() - interval '61 s' WHERE name = 'rehearsal'`);
    expect((await planDue(deps)).due).toEqual([expect.objectContaining({ schedule: 'rehearsal' })]);
    const asked = await inCatalog((tx) => tx.outbox.nextBatch(1_000));
    expect(asked.map(({ event }) => event).filter(({ type }) => type === 'drill.requested')).toEqual([
      expect.objectContaining({
        data: {
          ...{ dataset: 'shop', target: 'scratch', profile: 'shop', method: 'dump', drill: 'rehearsal' },
          slotAt: expect.any(String),
        },
      }),
    ]);
    expect(await lastRunOf('rehearsal')).toEqual(expect.any(String));
  });

  it('asks with the deadline of the schedule, counted from now also for a slot that was missed', async () => {
    const config = { late: { dataset: 'shop', cron: '* * * * *', deadline: '2h' } };
    await begin('late', config, '1 hour');
    const before = await inCatalog((tx) => tx.now());
    await planUntil(scheduler(catalogs[0], config), ({ due }) => due.length > 0);
    const requests = (await waiting('late')) ?? [];
    const deadlines = requests.map(
      ({ event }) => (event as unknown as { data: { deadlineAt: string } }).data.deadlineAt,
    );
    expect(deadlines).toHaveLength(1);
    const inMs = new Date(String(deadlines[0])).getTime() - before.getTime();
    expect(inMs).toBeGreaterThanOrEqual(7_200_000);
    expect(inMs).toBeLessThan(7_260_000);
  });

  it('makes one request per slot, however many schedulers look at the same moment', async () => {
    const everySecond = { 'every-second': { dataset: 'shop', cron: '* * * * * *', jitter: '1m' } };
    const two = catalogs.map((catalog) => scheduler(catalog, everySecond));
    await begin('every-second', everySecond, '2 minutes');
    const slots: string[] = [];
    while (slots.length < 2) {
      const decisions = await Promise.all(two.map(planDue));
      const due = decisions.flatMap((decision) => decision.due);
      slots.push(...due.map(({ slotAt }) => slotAt.toISOString()));
      if (due.length > 0) await startRun('every-second');
      await endRun('every-second');
      await sleep(100);
    }
    expect(new Set(slots).size).toBe(slots.length);
    const requests = await waiting('every-second');
    expect(requests).toHaveLength(slots.length);
    expect(new Set(requests?.map(({ eventId }) => eventId)).size).toBe(slots.length);
  });

  it('begins a new schedule at the moment it is first seen, not in the past', async () => {
    const nightly = { nightly: { dataset: 'shop', cron: '0 2 * * *', zone: 'Europe/Berlin' } };
    expect(await planDue(scheduler(catalogs[0], nightly))).toEqual({ due: [], passed: [], waiting: [] });
    expect(await waiting('nightly')).toEqual([]);
  });

  it('makes up by one late run for slots that passed while no scheduler looked', async () => {
    const hourly = { hourly: { dataset: 'shop', cron: '0 * * * *' } };
    await begin('hourly', hourly, '5 hours');
    const { due, passed } = await planDue(scheduler(catalogs[1], hourly));
    expect(due).toHaveLength(1);
    expect(passed.map(({ reason }) => reason)).toEqual(['superseded', 'superseded', 'superseded', 'superseded']);
    expect(await waiting('hourly')).toHaveLength(1);
  });

  it('asks for nothing while a schedule is paused, and says so in the audit trail once per slot', async () => {
    const config = { paused: { dataset: 'shop', cron: '0 * * * *' } };
    await begin('paused', config, '90 minutes');
    expect(await inCatalog((tx) => tx.schedules.pause('paused', 'moving'))).toBe(true);
    const [passed, again] = [
      await planDue(scheduler(catalogs[0], config)),
      await planDue(scheduler(catalogs[1], config)),
    ];
    expect(passed?.passed.map(({ reason }) => reason)).toContain('paused');
    expect(again).toEqual({ due: [], passed: [], waiting: [] });
    expect(await waiting('paused')).toEqual([]);
    expect(await audited('paused')).toEqual([
      expect.objectContaining({
        action: 'slot.passed-over',
        outcome: 'paused',
        detail: expect.objectContaining({ slots: passed?.passed.length }),
      }),
    ]);
    expect(await inCatalog((tx) => tx.schedules.resume('paused'))).toBe(true);
    expect(await planDue(scheduler(catalogs[0], config))).toEqual({ due: [], passed: [], waiting: [] });
  });

  it('makes up for nothing that came during a pause, also when no scheduler was there to pass it over', async () => {
    const config = { unseen: { dataset: 'shop', cron: '0 * * * *' } };
    await begin('unseen', config, '90 minutes');
    await inCatalog((tx) => tx.schedules.pause('unseen', null));
    const resumed = await resumeSchedule('unseen', scheduler(catalogs[0], config));
    expect(resumed.state).toMatchObject({ paused: null });
    expect(await planDue(scheduler(catalogs[0], config))).toEqual({ due: [], passed: [], waiting: [] });
    expect(await waiting('unseen')).toEqual([]);
    const trail = await audited('unseen');
    expect(trail.map(({ action, outcome }) => `${action} ${outcome}`).sort()).toEqual([
      'schedule.resumed accepted',
      'slot.passed-over paused',
    ]);
  });

  it('says once that a slot waits for the end of a blackout, however many schedulers look', async () => {
    // Around whatever hour it is, with the slots before it.
    const hour = (shift: number) => new Date(Date.now() + shift * 3_600_000).toISOString().slice(11, 13);
    const blackout = [{ from: `${hour(-3)}:00`, to: `${hour(2)}:00` }];
    const config = { postponed: { dataset: 'shop', cron: '0 * * * *', blackout } };
    await begin('postponed', config, '1 hour');
    const first = await planDue(scheduler(catalogs[0], config));
    const second = await planDue(scheduler(catalogs[1], config));
    expect(first.due).toEqual([]);
    expect(second).toEqual(first);
    expect(first.waiting).toEqual([expect.objectContaining({ reason: 'blackout', until: expect.any(Date) })]);
    expect(await audited('postponed')).toEqual([
      expect.objectContaining({ action: 'slot.postponed', outcome: 'blackout' }),
    ]);
    expect(await waiting('postponed')).toEqual([]);
  });

  it('passes over slots while the last run is open, and asks again when it has ended', async () => {
    const deps = scheduler(catalogs[0], { overlapping: { dataset: 'shop', cron: '* * * * * *' } });
    await planUntil(deps, ({ due }) => due.length > 0);
    const { passed, due } = await planUntil(deps, (decision) => decision.passed.length > 0);
    expect([passed.at(-1)?.reason, due]).toEqual(['overlap', []]);
    await startRun('overlapping');
    expect((await planUntil(deps, (decision) => decision.passed.length > 0)).due).toEqual([]);
    expect(await audited('overlapping')).toContainEqual(
      expect.objectContaining({ action: 'slot.passed-over', outcome: 'overlap' }),
    );
    await endRun('overlapping');
    expect((await planUntil(deps, (decision) => decision.due.length > 0)).due).toHaveLength(1);
    expect(await waiting('overlapping')).toHaveLength(2);
  });

  it('keeps a slot for the end of the last run where that is configured, and says so once', async () => {
    const queued = { dataset: 'shop', cron: '* * * * * *', overlap: 'queue', missed: 'skip' };
    const deps = scheduler(catalogs[0], { queued });
    await planUntil(deps, ({ due }) => due.length > 0);
    const kept = await planUntil(deps, (decision) => decision.waiting.length > 0);
    expect(kept).toMatchObject({ due: [], waiting: [{ reason: 'overlap', until: null }] });
    const postponed = (await audited('queued')).filter(({ action }) => action === 'slot.postponed');
    expect(postponed).toEqual([
      expect.objectContaining({ outcome: 'overlap', detail: expect.objectContaining({ until: null }) }),
    ]);
    await startRun('queued');
    await endRun('queued');
    expect(await planDue(deps)).toMatchObject({ due: [{ isLate: false }], waiting: [] });
    const [mark] = await inCatalog((tx) => tx.schedules.marks(['queued']));
    expect(mark).toMatchObject({ lastRun: 'pending', waiting: null });
  });

  it('asks again when no service has taken the last request in an hour', async () => {
    const deps = scheduler(catalogs[0], { lost: { dataset: 'shop', cron: '* * * * * *' } });
    await planUntil(deps, ({ due }) => due.length > 0);
    await session.query(
      `UPDATE holdfast.schedules SET requested_at = now() - interval '61 minutes' WHERE name = 'lost'`,
    );
    expect((await planUntil(deps, ({ due }) => due.length > 0)).due).toHaveLength(1);
  });

  it('does not wait for a request that was refused', async () => {
    const deps = scheduler(catalogs[0], { refused: { dataset: 'shop', cron: '* * * * * *' } });
    await planUntil(deps, ({ due }) => due.length > 0);
    await session.query(`
      INSERT INTO holdfast.audit (actor, action, subject, outcome)
      SELECT 'spec', 'backup.requested', last_request_id, 'rejected' FROM holdfast.schedules WHERE name = 'refused'`);
    expect((await planUntil(deps, ({ due }) => due.length > 0)).due).toHaveLength(1);
  });

  it('goes on at once when the clock that looked after it was ahead, and says so', async () => {
    const config = { ahead: { dataset: 'shop', cron: '* * * * * *' } };
    const deps = scheduler(catalogs[0], config);
    await planUntil(deps, ({ due }) => due.length > 0);
    await startRun('ahead');
    await endRun('ahead');
    await session.query(
      `UPDATE holdfast.schedules SET done_until = done_until + interval '1 year' WHERE name = 'ahead'`,
    );
    const { due } = await planUntil(deps, (decision) => decision.due.length > 0);
    expect(due[0]?.slotAt.getTime()).toBeLessThan(Date.now() + 60_000);
    expect((await audited('ahead')).filter(({ action }) => action === 'schedule.set-back')).toEqual([
      expect.objectContaining({ outcome: 'clock' }),
    ]);
  });
});
