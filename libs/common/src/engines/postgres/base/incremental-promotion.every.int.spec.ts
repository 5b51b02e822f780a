import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';

const { signal } = new AbortController();
const engine = postgresEngine();

let bed: BackupTestBed;
const clusters: ThrowawayCluster[] = [];

beforeAll(async () => {
  bed = await BackupTestBed.create();
});
afterAll(async () => {
  for (const cluster of clusters) await cluster.remove();
  await bed.remove();
});

const take = (from: ThrowawayCluster, method: 'base' | 'incremental'): Promise<Manifest> =>
  takeBackup(bed.attempt(from.dataset(), { method }), bed.depsOf(engine), signal);

/** The rows of a backup alone. */
async function rowsOf({ backupId, requires }: Manifest, cluster: ThrowawayCluster): Promise<number[]> {
  const room = await cluster.placeCopy();
  clusters.push(room);
  const place = { directory: room.dataDirectory, toolDirectories: [cluster.binDir], runId: randomUUID(), signal };
  const timeline = requires[0]?.timeline ?? 0;
  const goal = { target: { kind: 'immediate' }, inclusive: true, timeline } as const;
  await recoverDataset({ dataset: 'shop', goal, backupId, ...place }, { repository: bed.repository });
  await room.configure({});
  await room.start();
  const rows = await room.query<{ id: number }>('SELECT id FROM numbers ORDER BY id');
  await room.stop();
  return rows.map(({ id }) => id);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('increments', () => {
  it('are taken from a standby, and go on across its promotion, each with the rows of its moment', async () => {
    const primary = await ThrowawayCluster.create({ segmentMegabytes: 1, settings: { summarize_wal: 'on' } });
    clusters.push(primary);
    await primary.query('CREATE TABLE numbers (id int PRIMARY KEY)');
    await primary.query('INSERT INTO numbers SELECT generate_series(1, 100)');
    const standby = await primary.createStandby();
    clusters.push(standby);
    await standby.stop();
    await standby.configure({ summarize_wal: 'on' });
    await standby.start();
    const before = new RunningArchiver(primary, bed.repository);
    const full = await take(primary, 'base');
    await primary.query('INSERT INTO numbers SELECT generate_series(101, 200)');
    // A standby begins a copy at a restartpoint, and there is one behind a checkpoint only.
    await primary.query('CHECKPOINT');
    await standby.until(`pg_last_wal_replay_lsn() >= '${await primary.lsn()}'`);
    await standby.query('CHECKPOINT');
    const fromStandby = await take(standby, 'incremental');
    expect(fromStandby.needs).toEqual([full.backupId]);
    await before.until(await primary.lsn());
    await before.kill();
    await primary.stop();
    await standby.promote();
    const after = new RunningArchiver(standby, bed.repository);
    await standby.query('INSERT INTO numbers SELECT generate_series(201, 300)');
    const promoted = await take(standby, 'incremental');
    expect(promoted.needs).toEqual([full.backupId, fromStandby.backupId]);
    await after.until(await standby.lsn());
    await after.kill();
    expect(promoted.requires).toMatchObject([{ timeline: 2 }]);
    expect(await rowsOf(fromStandby, standby)).toEqual(upTo(200));
    expect(await rowsOf(promoted, standby)).toEqual(upTo(300));
  }, 180_000);
});
