import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, urlOf } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';

const id = newId();
const names = Array.from({ length: 24 }, (_, index) => `tenant-${index + 1}`);
const [SLOTS, SLOTS_PER_HOST] = [2, 3];
const { host, port } = endpoints.postgres18;
/** One slot a year: none comes by itself while the spec runs. */
const cron = '0 0 1 1 *';

let platform: Platform;

beforeAll(async () => {
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${id}`);
  await onServer('postgres18', id, 'CREATE TABLE orders (id int PRIMARY KEY)', 'INSERT INTO orders VALUES (1)');
  const toolDirectories = [endpoints.postgres18.binDir];
  const dataset = { kind: 'postgres', url: '${env:SOURCE_URL}', repositories: ['storage'], toolDirectories };
  platform = await Platform.start({
    services: ['scheduler', 'executor', 'scheduler', 'executor'],
    secrets: { SOURCE_URL: urlOf('postgres18', { database: id }) },
    config: {
      datasets: Object.fromEntries(names.map((name) => [name, dataset])),
      schedules: Object.fromEntries(names.map((name) => [name, { dataset: name, cron, zone: 'UTC' }])),
      executor: { concurrency: SLOTS, slotsPerHost: SLOTS_PER_HOST },
    },
  });
}, 120_000);
afterAll(async () => {
  await platform?.close();
  await dropDatabases('postgres18', `${id}%`);
}, 120_000);

/** Claims pass one at a time, so the rows tell exactly how many runs were held at once. */
const HELD_AT_ONCE = `
  WITH change AS (
    SELECT owner, started_at AS at, 1 AS step FROM holdfast.runs
    UNION ALL
    SELECT owner, settled_at, -1 FROM holdfast.runs
  ),
  held AS (
    SELECT sum(step) OVER (PARTITION BY owner ORDER BY at, step) AS by_owner, sum(step) OVER (ORDER BY at, step) AS of_host
    FROM change
  )
  SELECT max(by_owner)::int AS "byOwner", max(of_host)::int AS "ofHost" FROM held`;

/** `holdfast_runs_open{kind="backup",state="queued"} 21` */
const readMetric = (text: string, name: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length) ?? 0,
  );

describe('many datasets that are due at the same moment', () => {
  it('are backed up once each by two schedulers and two executors, in no more slots than there are', async () => {
    await waitUntil('every schedule was seen', async () => {
      const [seen] = await platform.catalog<{ count: number }>('SELECT count(*)::int AS count FROM holdfast.schedules');
      return seen?.count === names.length;
    });
    await platform.catalog(`UPDATE holdfast.schedules SET done_until = now() - interval '1 year'`);
    const completed = () => platform.bus.of('backup.completed').map(({ data }) => data.dataset as string);
    let metrics = '';
    const isShown = async (): Promise<boolean> => {
      metrics = await (await fetch(`${platform.app('scheduler').url}/metrics`)).text();
      const busy = readMetric(
        metrics,
        `holdfast_source_host_slots{host="${host}:${port}",state="used",service="scheduler"}`,
      );
      return (
        readMetric(metrics, 'holdfast_runs_open{kind="backup",state="queued",service="scheduler"}') > 0 &&
        busy === SLOTS_PER_HOST
      );
    };
    await waitUntil('a queue behind a busy host shows in the metrics', isShown, { explain: () => metrics });
    await waitUntil('all are completed', () => new Set(completed()).size === names.length, { timeoutMs: 150_000 });
    const runs = await platform.catalog<{ state: string; attempt: number }>('SELECT state, attempt FROM holdfast.runs');
    expect(runs).toHaveLength(names.length);
    expect(new Set(runs.map(({ state, attempt }) => `${state} ${attempt}`))).toEqual(new Set(['completed 1']));
    expect(completed().toSorted()).toEqual(names.toSorted());
    expect(platform.bus.of('backup.failed')).toEqual([]);
    const [held] = await platform.catalog<{ byOwner: number; ofHost: number }>(HELD_AT_ONCE);
    expect(held?.byOwner).toBeLessThanOrEqual(SLOTS);
    expect(held?.ofHost).toBeLessThanOrEqual(SLOTS_PER_HOST);
  }, 200_000);
});
