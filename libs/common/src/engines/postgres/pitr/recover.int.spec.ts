import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { ArchiveWalDeps } from '#common/engines/postgres/wal/wal-archiver.js';
import { type RecoveredDataset, recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { Sealing } from '#common/sealing/sealing.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { runsEvery } from '#common/testing/representative.js';
import { type Committed, RowWriter } from '#common/testing/row-writer.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';

const { signal } = new AbortController();
const engine = postgresEngine();

let bed: BackupTestBed;
const rooms: ThrowawayCluster[] = [];
const archivers: RunningArchiver[] = [];

beforeAll(async () => {
  bed = await BackupTestBed.create();
});
afterEach(async () => {
  for (const archiver of archivers.splice(0)) await archiver.kill();
  for (const room of rooms.splice(0)) await room.remove();
});
afterAll(() => bed.remove());

async function create(o: Parameters<typeof ThrowawayCluster.create>[0] = {}): Promise<ThrowawayCluster> {
  const cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, ...o });
  rooms.push(cluster);
  await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
  return cluster;
}

function archive(cluster: ThrowawayCluster, changes: Partial<ArchiveWalDeps> = {}): RunningArchiver {
  const archiver = new RunningArchiver(cluster, changes.repository ?? bed.repository, {
    name: nameOf(cluster),
    ...changes,
  });
  archivers.push(archiver);
  return archiver;
}

/** A dataset of its own for each cluster that initdb made: copies share it. */
const names = new Map<string, string>();
function nameOf({ password }: ThrowawayCluster): string {
  const name = names.get(password) ?? `shop-${names.size}`;
  names.set(password, name);
  return name;
}

const base = (cluster: ThrowawayCluster, deps = bed.depsOf(engine)) =>
  takeBackup(bed.attempt(cluster.dataset({ name: nameOf(cluster) }), { method: 'base' }), deps, signal);

interface Recovered {
  readonly room: ThrowawayCluster;
  readonly ids: readonly number[];
  readonly result: RecoveredDataset;
}

/** A running server over the recovered directory, the ids that are there, and what the recovery says of itself. */
async function recoverTo(
  cluster: ThrowawayCluster,
  goal: RecoveryGoal,
  repository = bed.repository,
): Promise<Recovered> {
  const room = await cluster.placeCopy();
  rooms.push(room);
  const options = {
    dataset: nameOf(cluster),
    goal,
    directory: room.dataDirectory,
    toolDirectories: [cluster.binDir],
    runId: randomUUID(),
    signal,
  };
  const result = await recoverDataset(options, { repository });
  await room.configure({});
  await room.start();
  const rows = await room.query<{ id: number }>('SELECT id FROM numbers ORDER BY id');
  return { room, ids: rows.map(({ id }) => id), result };
}

async function caughtUp(archiver: RunningArchiver, cluster: ThrowawayCluster): Promise<void> {
  await archiver.until(await cluster.lsn());
  await archiver.untilComplete();
}

const pick = <T>(list: readonly T[]): T => list[randomInt(0, list.length)] as T;
const toTime = ({ after }: Committed): RecoveryGoal => ({ target: { kind: 'time', at: after }, inclusive: true });
const LATEST: RecoveryGoal = { target: { kind: 'latest' }, inclusive: true };

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('a recovery to a point in time', () => {
  it('brings back exactly the rows that were committed before, whatever happened meanwhile', async () => {
    const cluster = await create();
    const writer = new RowWriter();
    let archiver = archive(cluster);
    writer.begin(cluster);
    await sleep(500);
    await base(cluster);
    const first = writer.committed.length;
    for (let round = 0; round < 3; round += 1) {
      await sleep(600);
      await archiver.kill();
      await sleep(200);
      archiver = archive(cluster);
    }
    await base(cluster);
    await sleep(1_500);
    await writer.stop();
    await caughtUp(archiver, cluster);
    const { committed } = writer;
    for (let round = 0; round < (runsEvery ? 3 : 1); round += 1) {
      const last = pick(committed.slice(first + 1));
      const { ids, result } = await recoverTo(cluster, toTime(last));
      expect(ids).toEqual(upTo(last.id));
      const lastCommitAt = result.lastCommitAt ?? '';
      expect(lastCommitAt >= last.before && lastCommitAt <= last.after).toBe(true);
    }
    const last = pick(committed.slice(first + 1));
    const toLsn: RecoveryGoal = { target: { kind: 'lsn', lsn: last.lsn }, inclusive: false };
    expect((await recoverTo(cluster, toLsn)).ids).toEqual(upTo(last.id));
    expect((await recoverTo(cluster, LATEST)).ids).toEqual(upTo(committed.length));
  }, 240_000);

  it('leads across a promotion, and goes on from a cluster that was recovered itself', async () => {
    const primary = await create();
    const standby = await primary.createStandby();
    rooms.push(standby);
    const writer = new RowWriter();
    const before = archive(primary);
    await base(standby);
    writer.begin(primary);
    await sleep(800);
    await writer.stop();
    await caughtUp(before, primary);
    await before.kill();
    await standby.until(`pg_last_wal_replay_lsn() >= '${await primary.lsn()}'`);
    await primary.stop();
    await standby.promote();
    const firstEra = [...writer.committed];
    const after = archive(standby);
    writer.begin(standby);
    await sleep(800);
    await writer.stop();
    await caughtUp(after, standby);
    await after.kill();
    expect(after.gaps).toEqual([]);
    const [old, young] = [pick(firstEra), pick(writer.committed.slice(firstEra.length))];
    expect((await recoverTo(primary, toTime(old))).ids).toEqual(upTo(old.id));
    expect((await recoverTo(primary, toTime(young))).ids).toEqual(upTo(young.id));
    const { room, result } = await recoverTo(primary, toTime(young));
    expect(result.timeline).toBe(3);
    writer.committed.length = young.id;
    const third = archive(room);
    await base(room);
    writer.begin(room);
    await sleep(500);
    await writer.stop();
    await caughtUp(third, room);
    expect((await recoverTo(primary, LATEST)).ids).toEqual(upTo(writer.committed.length));
  }, 240_000);

  it('finds named points and transactions, stops where the copy is consistent, and refuses what lies outside', async () => {
    const cluster = await create();
    const archiver = archive(cluster);
    const early = new Date().toISOString();
    await base(cluster);
    await cluster.query('INSERT INTO numbers SELECT generate_series(1, 3)');
    await cluster.query(`SELECT pg_create_restore_point('before the release')`);
    const [row] = await cluster.query<{ xid: string }>(
      `WITH put AS (INSERT INTO numbers VALUES (4) RETURNING 1) SELECT pg_current_xact_id()::text AS xid FROM put`,
    );
    await cluster.query('INSERT INTO numbers VALUES (5)');
    await caughtUp(archiver, cluster);
    const to = (target: RecoveryGoal['target'], inclusive = true) => recoverTo(cluster, { target, inclusive });
    expect((await to({ kind: 'name', name: 'before the release' })).ids).toEqual(upTo(3));
    expect((await to({ kind: 'xid', xid: row?.xid ?? '' })).ids).toEqual(upTo(4));
    expect((await to({ kind: 'xid', xid: row?.xid ?? '' }, false)).ids).toEqual(upTo(3));
    expect((await to({ kind: 'immediate' })).ids).toEqual([]);
    // Nothing was committed since, and the archiver knows that it has everything.
    expect((await to({ kind: 'time', at: (await archiver.head(nameOf(cluster))).at })).ids).toEqual(upTo(5));
    const nearest = (text: string) => ({ code: 'recovery.outside', message: expect.stringContaining(text) });
    await expect(to({ kind: 'time', at: early })).rejects.toMatchObject(nearest('the oldest base backup is of'));
    const late = new Date(Date.now() + 3_600_000).toISOString();
    await expect(to({ kind: 'time', at: late })).rejects.toMatchObject(nearest('is complete until'));
    await expect(to({ kind: 'lsn', lsn: 'FF/0' })).rejects.toMatchObject(nearest('WAL position 0/'));
    await expect(to({ kind: 'name', name: 'nowhere' })).rejects.toMatchObject({
      code: 'recovery.not-reached',
      message: expect.stringMatching(/the last commit in it is of \d{4}-/),
    });
  }, 240_000);

  it('runs under a server that neither archives nor listens, and puts tablespaces beside the directory', async () => {
    const cluster = await create({ server: 'postgres15', settings: { archive_mode: 'on', archive_command: 'false' } });
    const space = await cluster.createFolder('fast');
    await cluster.query(`CREATE TABLESPACE fast LOCATION '${space}'`);
    await cluster.query('CREATE TABLE aside TABLESPACE fast AS SELECT generate_series(1, 500) AS id');
    await cluster.query('INSERT INTO numbers VALUES (1)');
    await base(cluster);
    const room = await cluster.placeCopy();
    rooms.push(room);
    const options = {
      dataset: nameOf(cluster),
      goal: LATEST,
      directory: room.dataDirectory,
      toolDirectories: [cluster.binDir],
      runId: randomUUID(),
      signal,
    };
    const settings = [
      'archive_mode',
      'listen_addresses',
      'max_logical_replication_workers',
      'shared_preload_libraries',
    ];
    let seen: unknown;
    await recoverDataset(options, {
      repository: bed.repository,
      look: async (server) => {
        const session = await server.open('postgres');
        seen = await session.query('SELECT name, setting FROM pg_settings WHERE name = ANY ($1) ORDER BY 1', [
          settings,
        ]);
        await session.close();
      },
    });
    expect(seen).toEqual([
      { name: 'archive_mode', setting: 'off' },
      { name: 'listen_addresses', setting: '' },
      { name: 'max_logical_replication_workers', setting: '0' },
      { name: 'shared_preload_libraries', setting: '' },
    ]);
    await room.configure({});
    await room.start();
    const [row] = await room.query<{ n: number; at: string }>(
      `SELECT count(*)::int AS n, (SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'fast') AS at FROM aside`,
    );
    expect(row?.n).toBe(500);
    expect(row?.at).not.toBe(space);
  }, 120_000);

  (isAgeInstalled ? it : it.skip)(
    'opens an archive that is encrypted, which its writer cannot',
    async () => {
      const cluster = await create();
      const keys = await generateAgeKeys();
      const sealed = await BackupTestBed.create({ recipients: [keys.recipient] });
      const sealing = new Sealing({ compression: { level: 1, threads: 1 }, recipients: [keys.recipient] });
      const archiver = archive(cluster, { repository: sealed.repository, sealing });
      await base(cluster, sealed.depsOf(engine));
      await cluster.query('INSERT INTO numbers SELECT generate_series(1, 20000)');
      await caughtUp(archiver, cluster);
      await archiver.kill();
      const again = archive(cluster, { repository: sealed.repository, sealing });
      await cluster.query('INSERT INTO numbers VALUES (20001)');
      await caughtUp(again, cluster);
      const reader = sealed.reopen({ recipients: [keys.recipient], identity: keys.identity });
      expect((await recoverTo(cluster, LATEST, reader)).ids).toEqual(upTo(20_001));
      await expect(recoverTo(cluster, LATEST, sealed.repository)).rejects.toMatchObject({
        code: 'sealing.identity-missing',
      });
      await again.kill();
      await sealed.remove();
    },
    120_000,
  );
});
