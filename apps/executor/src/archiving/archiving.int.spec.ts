import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { takeBackup } from '#common/operations/take-backup.js';
import type { Background } from '#common/service/background/background.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { createMetrics } from '#common/telemetry/metrics.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { startArchiving } from './archiving.js';

const { signal } = new AbortController();
let cluster: ThrowawayCluster;
let backups: BackupTestBed;
let bed: RunTestBed;
const running: Background[] = [];

beforeAll(async () => {
  const settings = { max_slot_wal_keep_size: '2MB', min_wal_size: '2MB', max_wal_size: '4MB' };
  cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, settings });
  backups = await BackupTestBed.create();
  const { user, password, port } = cluster;
  await cluster.query('CREATE TABLE filler (id int, note text)');
  bed = await RunTestBed.open({
    repositories: { disk: { url: pathToFileURL(`${backups.folder}/repository`).href } },
    datasets: {
      shop: {
        ...{
          kind: 'postgres',
          url: `postgres://${user}:${password}@127.0.0.1:${port}/postgres`,
          repositories: ['disk'],
        },
        wal: { mode: 'stream', slot: 'spec' },
      },
    },
  });
});
afterAll(async () => {
  await bed?.close();
  await cluster?.remove();
  await backups?.remove();
});
beforeEach(() => bed.clear());
afterEach(() => Promise.all(running.splice(0).map((each) => each.stop())));

function begin(owner: string, metrics = createMetrics({ service: owner })): Background {
  const pace = { ttlMs: 3_000, renewMs: 300, lagAfterMs: 1_500, reachEveryMs: 300 };
  const archiving = startArchiving({ ...bed.deps, owner, metrics, logger: silentLogger, ...pace });
  running.push(archiving);
  return archiving;
}

/** Events of archives and of requests, with what they say. */
async function said(): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const { rows } = await bed.bed.admin.query(
    `SELECT event_type AS type, event -> 'data' AS data FROM holdfast.outbox ORDER BY id`,
  );
  return rows;
}

async function until(types: readonly string[]): Promise<{ type: string; data: Record<string, unknown> }[]> {
  for (let tries = 0; tries < 400; tries += 1) {
    const events = await said();
    if (events.length >= types.length) {
      expect(events.map(({ type }) => type)).toEqual(types);
      return events;
    }
    await sleep(50);
  }
  throw new Error(`was not said: ${types.join(', ')}; but ${JSON.stringify(await said())}`);
}

const fill = (megabytes: number): Promise<unknown> =>
  cluster.query(`INSERT INTO filler SELECT n, repeat('x', 900) FROM generate_series(1, $1::int * 1000) n`, [megabytes]);

describe('archiving', () => {
  it('is done by one executor at a time, and another goes on when it leaves', async () => {
    const first = begin('executor a');
    await until(['archive.resumed']);
    begin('executor b');
    await sleep(1_000);
    expect(await said()).toHaveLength(1);
    await first.stop();
    const events = await until(['archive.resumed', 'archive.resumed']);
    expect(events[1]?.data).toMatchObject({ dataset: 'shop', archiver: 'wal', after: 'start' });
  });

  it('tells that it lags while the server is away, and that it has caught up', async () => {
    begin('executor');
    await until(['archive.resumed']);
    await cluster.stop('immediate');
    const events = await until(['archive.resumed', 'archive.lagging']);
    expect(events[1]?.data).toMatchObject({
      dataset: 'shop',
      lagBytes: null,
      reason: expect.stringContaining('postgres@'),
    });
    await cluster.start();
    await fill(1);
    expect((await until(['archive.resumed', 'archive.lagging', 'archive.resumed']))[2]?.data).toMatchObject({
      after: 'lag',
    });
  });

  it('shows from when to when the dataset can be recovered, and nothing before there is a base backup', async () => {
    const metrics = createMetrics({ service: 'executor' });
    const shown = async (): Promise<number[]> => {
      const gauges = [metrics.recoverableFrom, metrics.recoverableUntil, metrics.recoverableHoles];
      const found = await Promise.all(gauges.map((gauge) => gauge.get()));
      return found.flatMap(({ values }) => values.map(({ value }) => value));
    };
    begin('executor', metrics);
    await until(['archive.resumed']);
    while ((await shown()).length === 0) await sleep(50);
    expect(await shown()).toEqual([0]);
    const dataset = cluster.dataset();
    const manifest = await takeBackup(backups.attempt(dataset, { method: 'base' }), backups.depsOf(postgres), signal);
    await fill(1);
    const takenAt = Date.parse(manifest.snapshotAt) / 1_000;
    while (((await shown())[1] ?? 0) <= takenAt + 1) await sleep(50);
    const [from, upTo, holes] = await shown();
    expect(from).toBeCloseTo(takenAt, 2);
    expect(upTo).toBeLessThan(Date.now() / 1_000 + 1);
    expect(holes).toBe(0);
  });

  it('tells a gap, and asks for the base backup that begins anew behind it', async () => {
    const first = begin('executor');
    await fill(2);
    await until(['archive.resumed']);
    await first.stop();
    await bed.clear();
    for (let round = 0; round < 4; round += 1) {
      await fill(6);
      await cluster.query('CHECKPOINT');
    }
    await cluster.until(`(SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = 'spec')`);
    begin('executor');
    const [gap, request] = await until(['archive.gap-detected', 'backup.requested', 'archive.resumed']);
    expect(gap?.data).toMatchObject({ dataset: 'shop', archiver: 'wal', reason: 'the server gave the slot up' });
    expect(request?.data).toMatchObject({ dataset: 'shop', method: 'base' });
  });
});
