import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { onServer } from '#tools/platform/server-login.js';
import { printFields, printTable, toFixed, toMegabytes } from '../report.js';
import { runBareLoop } from './bare-loop.js';
import { readBus } from './bus-load.js';
import { CatalogLoad } from './catalog-load.js';
import { toVerdict } from './exactly-once.js';
import { Fleet } from './fleet.js';
import { type ProcessLoad, readProcessLoad, since } from './process-load.js';
import { askForQueue } from './queue-at-hand.js';
import { SourceDatabases } from './source-databases.js';
import { readOverlap, readTimeline } from './timeline.js';
import { watchHealth } from './watch.js';

export interface ManyDatasetsOptions {
  readonly datasets: number;
  readonly executors: number;
}

/** Six of the eight slots of four executors may read from the one host: both limits bind. */
const CONCURRENCY = 2;
const SLOTS_PER_HOST = 6;
const SCHEDULERS = 2;
/** Between the start of the first service and the minute at which everything is due. */
const HEAD_START_MS = 45_000;

/** Everything due in one minute: how long until all of it is done, once, and what that costs catalog, bus and machine. */
export async function benchManyDatasets(o: ManyDatasetsOptions): Promise<void> {
  console.log(`making ${o.datasets} databases`);
  const databases = await SourceDatabases.create(o.datasets);
  try {
    await measure(databases.names, o);
  } finally {
    console.log('\ndropping the databases');
    await databases.drop();
  }
}

async function measure(names: readonly string[], o: ManyDatasetsOptions): Promise<void> {
  const slotAt = new Date(Math.ceil((Date.now() + HEAD_START_MS) / 60_000) * 60_000 + bareMs(names.length));
  slotAt.setUTCSeconds(0, 0);
  const cron = `${slotAt.getUTCMinutes()} ${slotAt.getUTCHours()} * * *`;
  const schedules = Object.fromEntries(names.map((dataset) => [dataset, { dataset, cron, zone: 'UTC' }]));
  const fleet = await Fleet.start({
    ...{ databases: names, schedulers: SCHEDULERS, executors: o.executors },
    ...{ concurrency: CONCURRENCY, slotsPerHost: SLOTS_PER_HOST, config: { schedules } },
  });
  try {
    // Half before and half after: whatever else the machine does then, it does to both.
    const half = Math.ceil(names.length / 2);
    const bareBefore = await runBareLoop(names.slice(0, half), SLOTS_PER_HOST, fleet.storage);
    console.log(
      `${o.executors} executors, ${SCHEDULERS} schedulers; ${names.length} schedules due at ${slotAt.toISOString()}`,
    );
    await sleep(slotAt.getTime() - Date.now() - 1_000);
    await follow(fleet, names.length, slotAt);
    const bareAfter = await runBareLoop(names.slice(half), SLOTS_PER_HOST, fleet.storage);
    await compare(fleet, slotAt, bareBefore + bareAfter, names.length);
  } finally {
    await fleet.stop();
  }
}

/** A guess that only moves the minute: when it is wrong, the schedules are late and say so. */
const bareMs = (databases: number): number => databases * 60;

async function follow(fleet: Fleet, datasets: number, slotAt: Date): Promise<void> {
  const load = await CatalogLoad.begin(fleet.catalog.admin);
  const before = fleet.apps.map(({ pid }) => readProcessLoad(pid));
  const health = fleet.apps.filter(({ name }) => name === 'scheduler').map((app) => watchHealth(app, 100));
  const connections = { max: 0 };
  const queue = askForQueue(fleet, datasets);
  await untilSettled(fleet, datasets, connections);
  const after = fleet.apps.map(({ pid }, index) => since(before[index] as ProcessLoad, readProcessLoad(pid)));
  await untilTold(fleet);
  const answers = await Promise.all(health.map((each) => each.stop()));

  const timeline = await readTimeline(fleet.catalog.admin, slotAt);
  const overlap = await readOverlap(fleet.catalog.admin);
  const bus = await readBus(fleet.bus);
  const manifests = await countManifests(fleet);
  const seconds = (value: number): string => `${toFixed(value, 1)} s`;
  console.log('\nafter the slot');
  printFields({
    'first request in the outbox (scheduler lag)': seconds(timeline.firstRequestSeconds),
    'all requests in the outbox': seconds(timeline.allRequestedSeconds),
    'all requests on the bus': seconds(timeline.allPublishedSeconds),
    'first run claimed': seconds(timeline.firstClaimSeconds),
    'all runs queued': seconds(timeline.allQueuedSeconds),
    'all runs completed': seconds(timeline.allCompletedSeconds),
    'all backup.completed on the bus': seconds(timeline.allEventsPublishedSeconds),
    'runs held at once by one executor, at most': `${overlap.byOwner} of ${CONCURRENCY}`,
    'runs held at once from one host, at most': `${overlap.ofHost} of ${SLOTS_PER_HOST}`,
    'schedulers asked for their health': answers
      .map(({ asked, failed }) => `${asked} times, ${failed} failed`)
      .join('; '),
    'slowest answer': answers.map(({ maxMs }) => `${toFixed(maxMs, 0)} ms`).join('; '),
    ...(await queue),
  });
  console.log(`\nexactly once: ${toVerdict({ datasets, timeline, bus, manifests })}`);

  console.log(`\ncatalog (at most ${connections.max} connections)`);
  printTable(await load.report(datasets));
  console.log('\nbus');
  printTable([
    ['topic', 'messages', 'bytes', 'a message'],
    ...[...bus.topics].map(([topic, { messages, bytes }]) => [
      ...[topic, toFixed(messages, 0), toFixed(bytes, 0), toFixed(bytes / messages, 0)],
    ]),
  ]);
  console.log(`\nprocesses (${cpus().length} cores)`);
  printTable([
    ['', 'own CPU s', 'children CPU s', 'resident', 'peak'],
    ...fleet.apps.map(({ name }, index) => {
      const { ownSeconds, childSeconds, residentBytes, peakBytes } = after[index] as ProcessLoad;
      const cells = [
        toFixed(ownSeconds, 1),
        toFixed(childSeconds, 1),
        toMegabytes(residentBytes),
        toMegabytes(peakBytes),
      ];
      return [name, ...cells];
    }),
  ]);
}

/** One cheap question a second, in another database, so that the catalog's own counts stay the services'. */
async function untilSettled(fleet: Fleet, datasets: number, connections: { max: number }): Promise<void> {
  const { database, admin } = fleet.catalog;
  for (;;) {
    const { rows } = await admin.query<{ settled: number; runs: number }>(
      'SELECT count(*)::int AS runs, count(settled_at)::int AS settled FROM holdfast.runs /* pg_stat_ */',
    );
    const [{ count } = { count: 0 }] = await onServer<{ count: number }>(
      'postgres18',
      'postgres',
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = '${database}' AND application_name <> ''`,
    );
    connections.max = Math.max(connections.max, count);
    if ((rows[0]?.settled ?? 0) >= datasets) return;
    await sleep(1_000);
  }
}

async function untilTold(fleet: Fleet): Promise<void> {
  for (;;) {
    const { unpublished } = await fleet.catalog.catalog.transaction((tx) => tx.outbox.lag());
    if (unpublished === 0) return;
    await sleep(200);
  }
}

async function countManifests({ storage }: Fleet): Promise<number> {
  let count = 0;
  for (let token: string | undefined; ; ) {
    const page = await storage.client.send(
      new ListObjectsV2Command({ Bucket: storage.bucket, ContinuationToken: token }),
    );
    count += (page.Contents ?? []).filter(({ Key = '' }) => Key.endsWith('/manifest.json')).length;
    token = page.NextContinuationToken;
    if (token === undefined) return count;
  }
}

async function compare(fleet: Fleet, slotAt: Date, bareSeconds: number, datasets: number): Promise<void> {
  const { allCompletedSeconds, firstRequestSeconds } = await readTimeline(fleet.catalog.admin, slotAt);
  const seconds = allCompletedSeconds - firstRequestSeconds;
  console.log(`\nthe same databases with the bare tools, ${SLOTS_PER_HOST} at a time`);
  printTable([
    ['', 'seconds', 'ms a database', 'ratio'],
    ['pg_dump | zstd | PUT', toFixed(bareSeconds, 1), toFixed((bareSeconds / datasets) * 1_000, 0), '1.00'],
    ['Holdfast', toFixed(seconds, 1), toFixed((seconds / datasets) * 1_000, 0), toFixed(seconds / bareSeconds, 2)],
  ]);
}
