import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#tools/platform/wait-until.js';
import { type Asked, causedBy, runOf } from '../support/request.js';
import { Cluster } from './support/cluster.js';
import { FakeClock } from './support/fake-clock.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { findBroken } from './support/invariants.js';
import { atPlace, aWhile, backUpHalf, fromTheStart, steps } from './support/outages.js';
import { OwnPostgres } from './support/own-postgres.js';
import { takingRequest } from './support/places.js';
import { replayReset } from './support/replays.js';
import { conclude, orTell } from './support/report.js';
import { backupOf, doWork, placeOf, prepareRestored, restoreInPlace, restoreNew, type Work } from './support/works.js';

const HOUR_S = 3_600;
const shop = backupOf('shop');

let clock: FakeClock;
let catalog: OwnPostgres;
let cluster: Cluster;
const inCatalog = <Row extends object>(statement: string) => cluster.catalog<Row>(statement);

/** The clock by which claims, leases, retries and slots go; the apps' own stay right. */
const cases: readonly FaultCase[] = [HOUR_S, -HOUR_S].flatMap((seconds): FaultCase[] => {
  const move = async () => {
    await clock.move(seconds);
    return () => clock.move(0);
  };
  const shared = {
    fault: `catalog’s clock an hour ${seconds > 0 ? 'ahead' : 'behind'}, then right again`,
    meanwhile: aWhile,
  };
  return [
    // Behind it, the request would seem to come from the future: see below.
    ...(seconds > 0
      ? [{ ...shared, step: 'backup: before', work: shop, begin: async () => fromTheStart(await move()) }]
      : []),
    {
      ...{ ...shared, step: 'backup: from the dump on', work: shop },
      begin: (inCluster) => atPlace(inCluster, 'executor', steps.dump, move),
    },
    {
      ...{ ...shared, step: 'restore (in place): from the archive on', work: restoreInPlace },
      begin: (inCluster) => atPlace(inCluster, 'executor', steps.archive, move),
    },
    {
      ...{ ...shared, step: 'replay (reset): when the group is moved', work: replayReset, before: backUpHalf },
      begin: (inCluster) => atPlace(inCluster, 'verifier', steps.moving, move),
    },
  ];
});

beforeAll(async () => {
  clock = await FakeClock.make();
  catalog = await OwnPostgres.start({ env: clock.env });
  const surroundings = { catalog: { host: '127.0.0.1', port: catalog.port } };
  const schedules = {
    hourly: { dataset: 'shop', cron: '0 * * * *' },
    often: { dataset: 'shop', cron: '*/10 * * * * *' },
  };
  cluster = await Cluster.start({ surroundings, config: { schedules } });
  await pause('hourly');
  await pause('often');
  await prepareRestored(cluster, placeOf(cluster));
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await catalog?.close();
  await clock?.close();
});

describe('work while the catalog’s clock is moved', () => {
  it.each(cases)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});

const refused: readonly { readonly seconds: number; readonly work: Work; readonly code: string }[] = [
  { seconds: -HOUR_S, work: shop, code: 'request.refused' },
  { seconds: HOUR_S, work: restoreNew, code: 'request.expired' },
];

describe('a request that cannot be from now by the catalog’s clock', () => {
  it.each(refused)(
    'is refused and said so, once ($work.name: $code)',
    async ({ seconds, work, code }) => {
      const fault = `catalog’s clock an hour ${seconds > 0 ? 'ahead' : 'behind'}`;
      await clock.move(seconds);
      const asked = await work.ask(cluster);
      const { data } = await cluster.next(`${work.family}.rejected`, causedBy(asked));
      expect(data.error.code).toBe(code);
      await clock.move(0);
      const row = { fault, step: `${work.name}: asked for meanwhile, refused`, recoverySeconds: null };
      const broken = await conclude(row, async () => {
        const runs = await inCatalog(`SELECT FROM holdfast.runs WHERE id = '${runOf(asked)}'`);
        const next = await doWork(cluster, work);
        return [...runs.map(() => `run ${runOf(asked)} is there`), ...(await findBroken(cluster, [next]))];
      });
      expect(broken).toEqual([]);
    },
    120_000,
  );
});

interface Ahead {
  readonly step: string;
  /** What is said or left behind while the clock is ahead; who has died by then is followed by another. */
  readonly begin: () => Promise<Asked>;
  /** The clock is right again. */
  readonly goOn: () => Promise<unknown>;
}

const isTrue = async (condition: string): Promise<boolean> => (await inCatalog(`SELECT WHERE ${condition}`)).length > 0;
const until = (what: string, condition: string) =>
  waitUntil(what, () => isTrue(condition), { explain: () => cluster.explain() });

const left: readonly Ahead[] = [
  {
    step: 'a claim whose holder was killed',
    begin: async () => {
      const { app, gates } = cluster.replicaOf('executor');
      const held = steps.dump.before(gates, cluster);
      const asked = await shop.ask(cluster);
      await held.reached;
      await app.kill();
      held.release();
      return asked;
    },
    goOn: () => cluster.startApp('executor'),
  },
  {
    step: 'the lease of a relay that was killed',
    begin: async () => {
      await until(
        'it was renewed',
        `(SELECT expires_at > clock_timestamp() FROM holdfast.leases WHERE name = 'relay')`,
      );
      await cluster.replicaOf('scheduler').kill();
      return shop.ask(cluster);
    },
    goOn: () => cluster.startApp('scheduler'),
  },
  {
    step: 'a run that no worker had claimed yet',
    begin: async () => {
      const { app, gates } = cluster.replicaOf('executor');
      const taken = takingRequest.after(gates, cluster);
      const asked = await shop.ask(cluster);
      await taken.reached;
      await app.kill();
      taken.release();
      return asked;
    },
    goOn: () => cluster.startApp('executor'),
  },
  {
    step: 'a run that waits for its next attempt',
    begin: async () => {
      cluster.replicaOf('executor').gates.source.shut();
      const asked = await shop.ask(cluster);
      const waits = `id = '${runOf(asked)}' AND state = 'queued' AND attempt > 0`;
      await until('it waits', `EXISTS (SELECT FROM holdfast.runs WHERE ${waits})`);
      return asked;
    },
    goOn: async () => cluster.replicaOf('executor').gates.source.reopen(),
  },
];

describe('what was written while the catalog’s clock was an hour ahead', () => {
  it.each(left)(
    'holds no work up when it is right again: $step',
    async ({ step, begin, goOn }) => {
      const row = { fault: 'catalog’s clock an hour ahead, set back for good', step: `backup: ${step}` };
      await clock.move(HOUR_S);
      const asked = await begin();
      await clock.move(0);
      const rightAtMs = performance.now();
      const done = await orTell(row, async () => {
        await goOn();
        return cluster.next('backup.completed', causedBy(asked), { timeoutMs: 90_000 });
      });
      const recoverySeconds = Math.round((done.seenAtMs - rightAtMs) / 100) / 10;
      const broken = await conclude({ ...row, recoverySeconds }, async () =>
        findBroken(cluster, [asked, await doWork(cluster, shop)]),
      );
      expect(broken).toEqual([]);
    },
    240_000,
  );
});

/** What a schedule asks for, with the slot that it asks for. */
const slotsOf = (schedule: string): number[] =>
  cluster.bus
    .of('backup.requested', ({ data }) => data.schedule === schedule)
    .map(({ data }) => Date.parse(data.slotAt as string));

async function whileResumed<T>(schedule: string, work: () => Promise<T>): Promise<T> {
  await inCatalog(
    `UPDATE holdfast.schedules SET paused_at = NULL, done_until = clock_timestamp() WHERE name = '${schedule}'`,
  );
  try {
    return await work();
  } finally {
    await pause(schedule);
    await until('its runs are over', `NOT EXISTS (SELECT FROM holdfast.runs WHERE state IN ('queued', 'running'))`);
  }
}

const pause = (schedule: string) =>
  inCatalog(
    `INSERT INTO holdfast.schedules (name, paused_at) VALUES ('${schedule}', clock_timestamp())
     ON CONFLICT (name) DO UPDATE SET paused_at = excluded.paused_at`,
  );

describe('a schedule whose clock is set back by an hour', () => {
  const fault = 'catalog’s clock an hour ahead, set back for good';

  it('makes no second run of a slot that comes again', async () => {
    await whileResumed('hourly', async () => {
      for (const seconds of [HOUR_S, 0, HOUR_S, 0]) {
        await clock.move(seconds);
        await whileResumed('often', async () => {
          const seen = slotsOf('often').length;
          // So the scheduler has looked at both, by this clock.
          const isAsked = () => slotsOf('often').length > seen;
          await waitUntil('another slot is asked for', isAsked, {
            timeoutMs: 60_000,
            explain: () => cluster.explain(),
          });
        });
      }
    });
    expect(slotsOf('hourly').length).toBeGreaterThan(0);
    const doubled = await inCatalog(
      `SELECT FROM holdfast.runs WHERE request ->> 'slotAt' IS NOT NULL
       GROUP BY request ->> 'schedule', request ->> 'slotAt' HAVING count(*) > 1`,
    );
    expect(doubled).toEqual([]);
    const row = { fault, step: 'schedule: a slot that comes twice', recoverySeconds: null };
    expect(await conclude(row, async () => findBroken(cluster, [await doWork(cluster, shop)]))).toEqual([]);
  }, 240_000);

  it('goes on with its slots at once', async () => {
    await clock.move(HOUR_S);
    const backAtMs = await whileResumed('often', async () => {
      const isAhead = () => slotsOf('often').some((slotMs) => slotMs > Date.now() + (HOUR_S / 2) * 1_000);
      await waitUntil('a slot is asked for', isAhead, { timeoutMs: 60_000, explain: () => cluster.explain() });
      await clock.move(0);
      const [backAtMs, seen] = [performance.now(), slotsOf('often').length];
      const isAsked = () => slotsOf('often').length > seen;
      await waitUntil('the next slot is asked for', isAsked, { timeoutMs: 60_000, explain: () => cluster.explain() });
      return backAtMs;
    });
    const recoverySeconds = Math.round((performance.now() - backAtMs) / 100) / 10;
    const row = { fault, step: 'schedule: the slots after it', recoverySeconds };
    expect(await conclude(row, async () => findBroken(cluster, [await doWork(cluster, shop)]))).toEqual([]);
  }, 240_000);
});
