import { setTimeout as sleep } from 'node:timers/promises';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { BenchOptions } from '../options.js';
import { printTable, toFixed, toMegabytes } from '../report.js';
import { readBus } from './bus-load.js';
import { Fleet } from './fleet.js';
import { publishFlood, untilRead } from './flood.js';
import { readProcessLoad } from './process-load.js';
import { SourceDatabases } from './source-databases.js';

const SAMPLE_MS = 200;
/** How long the catalog stays away once all requests are on the bus. */
const AWAY_MS = 15_000;

/**
 * Thousands of requests at once, first while the catalog is away: no process may hold them in memory, and none may be lost.
 * The datasets share one database, for it is intake that is measured; runs wait or work meanwhile.
 */
export async function benchBackPressure({ datasets, executors, requests }: BenchOptions): Promise<void> {
  const databases = await SourceDatabases.create(1);
  const { host, port } = endpoints.postgres18;
  const gate = await TcpGate.open({ host, port });
  const names = Array.from({ length: datasets }, (_, index) => `tenant-${index + 1}`);
  const fleet = await Fleet.start({
    ...{ databases: names, databaseOf: () => databases.names[0] ?? '', schedulers: 1, executors },
    ...{ concurrency: 1, slotsPerHost: 1, toCatalogUrl: (url) => gate.rewrite(url) },
  });
  try {
    await measure(fleet, gate, { names, requests });
  } finally {
    await fleet.stop();
    await gate.close();
    await databases.drop();
  }
}

async function measure(
  fleet: Fleet,
  gate: TcpGate,
  { names, requests }: { readonly names: readonly string[]; readonly requests: number },
): Promise<void> {
  const phases: { readonly name: string; readonly seconds: number; readonly peaks: readonly number[] }[] = [];
  const phase = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const { result, peaks } = await watchMemory(fleet, work);
    phases.push({ name, peaks, seconds: (performance.now() - startedAt) / 1_000 });
    return result;
  };
  await phase('at rest', () => sleep(5_000));
  gate.shut();
  const distinct = await phase(`${toFixed(requests, 0)} requests published, catalog away`, async () => {
    const count = await publishFlood(fleet.bus, names, requests);
    await sleep(AWAY_MS);
    return count;
  });
  gate.reopen();
  await phase('catalog back, until all are taken', () =>
    untilRead(fleet.bus, 'holdfast-executor', BackupRequested.type),
  );
  await phase('the same again, as rows of the outbox', async () => {
    await repeatThroughOutbox(fleet, requests);
    await untilPublished(fleet);
    await untilRead(fleet.bus, 'holdfast-executor', BackupRequested.type);
  });
  await phase('afterwards', () => sleep(5_000));

  console.log('\nhighest resident memory in each phase');
  printTable([
    ['', 'seconds', ...fleet.apps.map(({ name }) => name)],
    ...phases.map(({ name, seconds, peaks }) => [name, toFixed(seconds, 1), ...peaks.map(toMegabytes)]),
  ]);
  console.log(`\n${await toVerdict(fleet, distinct, requests)}`);
}

async function watchMemory<T>(fleet: Fleet, work: () => Promise<T>): Promise<{ result: T; peaks: number[] }> {
  const peaks = fleet.apps.map(() => 0);
  const look = (): void => {
    fleet.apps.forEach(({ pid }, index) => {
      peaks[index] = Math.max(peaks[index] ?? 0, readProcessLoad(pid).residentBytes);
    });
  };
  const timer = setInterval(look, SAMPLE_MS);
  const result = await work().finally(() => clearInterval(timer));
  look();
  return { result, peaks };
}

/** As if the bus had been away for a minute while they were made: the relay and the direct way see them at once. */
async function repeatThroughOutbox({ catalog, bus }: Fleet, requests: number): Promise<void> {
  await catalog.admin.query(
    `INSERT INTO holdfast.outbox (event_id, event_type, topic, key, event, created_at)
     SELECT run.request_id, 'backup.requested', $1, run.dataset,
            jsonb_build_object(
              'specversion', '1.0', 'id', run.request_id, 'source', run.requested_by, 'type', 'backup.requested',
              'time', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'data', run.request
            ),
            now() - interval '1 minute'
     FROM holdfast.runs AS run, generate_series(1, $2) ORDER BY run.number`,
    [bus.prefix + BackupRequested.type, Math.ceil(requests / (await countRuns(catalog.admin)))],
  );
}

async function untilPublished({ catalog }: Fleet): Promise<void> {
  while ((await catalog.catalog.transaction((tx) => tx.outbox.lag())).unpublished > 0) await sleep(500);
}

async function countRuns(admin: Fleet['catalog']['admin']): Promise<number> {
  const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int AS count FROM holdfast.runs');
  return rows[0]?.count ?? 0;
}

/** Throws when a request was lost, was taken twice or became a dead letter. */
async function toVerdict({ catalog, bus }: Fleet, distinct: number, requests: number): Promise<string> {
  const { rows } = await catalog.admin.query<{ taken: number }>('SELECT count(*)::int AS taken FROM holdfast.inbox');
  const [runs, taken] = [await countRuns(catalog.admin), rows[0]?.taken ?? 0];
  const deadLetters = (await readBus(bus)).topics.get('holdfast.dead-letter')?.messages ?? 0;
  const said = `${toFixed(requests, 0)} requests, ${distinct} of them different: ${taken} remembered, ${runs} runs, ${deadLetters} dead letters`;
  if (taken !== distinct || runs !== distinct || deadLetters > 0)
    throw new Error(`requests were lost or doubled: ${said}`);
  return said;
}
