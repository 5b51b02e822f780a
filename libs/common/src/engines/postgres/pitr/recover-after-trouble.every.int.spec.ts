import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { AppError } from '#common/errors/app-error.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { type Committed, RowWriter } from '#common/testing/row-writer.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ScriptedRepository } from '#common/testing/scripted-repository.js';
import { type ClusterOptions, ThrowawayCluster } from '#common/testing/throwaway-cluster.js';

const { signal } = new AbortController();
const engine = postgresEngine();

let bed: BackupTestBed;
const clusters: ThrowawayCluster[] = [];
const archivers: RunningArchiver[] = [];

beforeAll(async () => {
  bed = await BackupTestBed.create();
});
afterEach(async () => {
  for (const archiver of archivers.splice(0)) await archiver.kill();
  for (const cluster of clusters.splice(0)) await cluster.remove();
});
afterAll(() => bed.remove());

async function create(settings: ClusterOptions['settings'] = {}): Promise<ThrowawayCluster> {
  const cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, settings });
  clusters.push(cluster);
  await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
  await cluster.query('CREATE TABLE filler (id int, note text)');
  return cluster;
}

/** Of each cluster its own. */
const nameOf = ({ password }: ThrowawayCluster): string => `shop-${password}`;

function archive(cluster: ThrowawayCluster, repository: BackupRepository = bed.repository): RunningArchiver {
  const archiver = new RunningArchiver(cluster, repository, { name: nameOf(cluster) });
  archivers.push(archiver);
  return archiver;
}

const base = (cluster: ThrowawayCluster) =>
  takeBackup(bed.attempt(cluster.dataset({ name: nameOf(cluster) }), { method: 'base' }), bed.depsOf(engine), signal);

async function idsAt(cluster: ThrowawayCluster, goal: RecoveryGoal): Promise<number[]> {
  const room = await cluster.placeCopy();
  clusters.push(room);
  const place = { directory: room.dataDirectory, toolDirectories: [cluster.binDir], runId: randomUUID(), signal };
  await recoverDataset({ dataset: nameOf(cluster), goal, ...place }, { repository: bed.repository });
  await room.configure({});
  await room.start();
  const rows = await room.query<{ id: number }>('SELECT id FROM numbers ORDER BY id');
  await room.stop();
  return rows.map(({ id }) => id);
}

async function writeFor(cluster: ThrowawayCluster, writer: RowWriter, ms: number): Promise<readonly Committed[]> {
  const before = writer.committed.length;
  writer.begin(cluster);
  await sleep(ms);
  await writer.stop();
  return writer.committed.slice(before);
}

async function caughtUp(archiver: RunningArchiver, cluster: ThrowawayCluster): Promise<void> {
  await archiver.until(await cluster.lsn(), 120_000);
  await archiver.untilComplete();
}

const pick = <T>(list: readonly T[]): T => list[randomInt(0, list.length)] as T;
const toTime = ({ after }: Committed): RecoveryGoal => ({ target: { kind: 'time', at: after }, inclusive: true });
const upTo = ({ id }: Committed): number[] => Array.from({ length: id }, (_, index) => index + 1);

describe('exactly the rows that were committed before a random instant come back', () => {
  it('from before and after the loss of the slot, and none from between', async () => {
    const cluster = await create({ max_slot_wal_keep_size: '2MB', min_wal_size: '2MB', max_wal_size: '4MB' });
    const writer = new RowWriter();
    const first = archive(cluster);
    await first.until(await cluster.lsn());
    await base(cluster);
    const early = await writeFor(cluster, writer, 1_500);
    await caughtUp(first, cluster);
    await first.kill();
    const lost = await writeFor(cluster, writer, 300);
    for (let round = 0; round < 4; round += 1) {
      await cluster.query(`INSERT INTO filler SELECT n, repeat('x', 900) FROM generate_series(1, 6000) n`);
      await cluster.query('CHECKPOINT');
    }
    await cluster.until(`(SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = 'spec')`);
    const second = archive(cluster);
    await caughtUp(second, cluster);
    expect(second.gaps).toHaveLength(1);
    await base(cluster);
    const late = await writeFor(cluster, writer, 1_500);
    await caughtUp(second, cluster);
    for (const rows of [early.slice(0, -5), early.slice(0, -5), late, late]) {
      const last = pick(rows);
      expect(await idsAt(cluster, toTime(last))).toEqual(upTo(last));
    }
    await expect(idsAt(cluster, toTime(pick(lost)))).rejects.toMatchObject({
      code: expect.stringMatching(/^recovery[.](outside|not-reached)$/),
    });
  }, 300_000);

  it('from while the archive’s storage was away for minutes', async () => {
    const cluster = await create();
    const writer = new RowWriter();
    let isAway = false;
    const repository = new ScriptedRepository(bed.repository, {
      put: (real, ...args) => {
        if (isAway) throw new AppError('repository.unavailable', 'away, says the spec');
        return real(...args);
      },
    });
    const archiver = archive(cluster, repository);
    await archiver.until(await cluster.lsn());
    await base(cluster);
    isAway = true;
    const written = await writeFor(cluster, writer, 130_000);
    isAway = false;
    await caughtUp(archiver, cluster);
    expect(archiver.gaps).toEqual([]);
    for (const last of [pick(written), pick(written), pick(written)])
      expect(await idsAt(cluster, toTime(last))).toEqual(upTo(last));
  }, 400_000);
});
