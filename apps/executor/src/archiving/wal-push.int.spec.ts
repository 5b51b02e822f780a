import { randomUUID } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { DeskPlace } from '#common/engines/local-desk.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { WalDesk } from '#common/engines/postgres/wal/push/wal-desk.js';
import { watchPushes } from '#common/engines/postgres/wal/push/watch-pushes.js';
import { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import type { WalGap } from '#common/engines/postgres/wal/wal-archiver.js';
import { AppError } from '#common/errors/app-error.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Background } from '#common/service/background/background.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { BackupTestBed, plainSealing } from '#common/testing/backup-test-bed.js';
import { PushingCluster } from '#common/testing/pushing-cluster.js';
import { representative } from '#common/testing/representative.js';
import { RowWriter } from '#common/testing/row-writer.js';
import { ScriptedRepository } from '#common/testing/scripted-repository.js';
import type { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { serveDesks } from './desks.js';

const { signal } = new AbortController();
const engine = postgresEngine();

let bed: BackupTestBed;
const rooms: { remove(): Promise<void> }[] = [];
const running: Background[] = [];

beforeAll(async () => {
  bed = await BackupTestBed.create();
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  for (const room of rooms.splice(0)) await room.remove();
});
afterAll(() => bed.remove());

async function create(o: Parameters<typeof PushingCluster.create>[0] = {}): Promise<PushingCluster> {
  const pushing = await PushingCluster.create(o);
  rooms.push(pushing);
  return pushing;
}

/** A dataset of its own for each cluster that initdb made: copies share it. */
const nameOf = ({ password }: ThrowawayCluster): string => `shop-${password}`;

const datasetOf = (cluster: ThrowawayCluster): PostgresDataset =>
  cluster.dataset({ name: nameOf(cluster), wal: { mode: 'push' } });

/** An executor's socket, as the service opens it. */
function serve(pushing: PushingCluster, changes: Partial<DeskPlace<PostgresDataset>> = {}): Background {
  const place = { dataset: datasetOf(pushing.cluster), repository: bed.repository, sealing: plainSealing, ...changes };
  const o = { path: pushing.socket, logger: silentLogger, lookEveryMs: 50 };
  const background = serveDesks({ wal: new WalDesk([place]) }, o);
  running.push(background);
  return background;
}

const base = ({ cluster }: PushingCluster) =>
  takeBackup(bed.attempt(datasetOf(cluster), { method: 'base' }), bed.depsOf(engine), signal);

async function recoverTo({ cluster }: PushingCluster, goal: RecoveryGoal): Promise<number[]> {
  const room = await cluster.placeCopy();
  rooms.push(room);
  const options = { dataset: nameOf(cluster), goal, directory: room.dataDirectory, runId: randomUUID(), signal };
  await recoverDataset({ ...options, toolDirectories: [cluster.binDir] }, { repository: bed.repository });
  await room.configure({});
  await room.start();
  const rows = await room.query<{ id: number }>('SELECT id FROM numbers ORDER BY id');
  return rows.map(({ id }) => id);
}

const LATEST: RecoveryGoal = { target: { kind: 'latest' }, inclusive: true };
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

async function openArchive({ cluster }: PushingCluster, segmentBytes = 1 << 20): Promise<WalArchive> {
  const [row] = await cluster.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_control_system()');
  const of = { repository: bed.repository, dataset: nameOf(cluster), systemId: row?.id ?? '', segmentBytes };
  return WalArchive.open(of, signal);
}

const SERVERS = representative<readonly ['postgres18' | 'postgres15', 1 | 16 | 64]>([
  ['postgres18', 16],
  ['postgres15', 1],
  ['postgres18', 64],
]);

describe.each(SERVERS)(
  'the WAL that archive_command of %s hands over in segments of %i MB',
  (server, segmentMegabytes) => {
    it('brings back exactly the rows that were committed before a point in time', async () => {
      const pushing = await create({ server, segmentMegabytes });
      serve(pushing);
      const writer = new RowWriter();
      writer.begin(pushing.cluster);
      await sleep(300);
      await base(pushing);
      const first = writer.committed.length;
      for (let round = 0; round < 3; round += 1) {
        await sleep(300);
        await pushing.switchWal();
      }
      await writer.stop();
      await pushing.drain();
      const { committed } = writer;
      const middle = committed[Math.floor((first + 1 + committed.length) / 2)];
      if (middle === undefined) throw new Error('nothing was committed after the base backup');
      const toTime: RecoveryGoal = { target: { kind: 'time', at: middle.after }, inclusive: true };
      expect(await recoverTo(pushing, toTime)).toEqual(upTo(middle.id));
      expect(await recoverTo(pushing, LATEST)).toEqual(upTo(committed.length));
    }, 240_000);
  },
);

describe('a push', () => {
  it('says what keeps a file from being stored, in one line and with the next step, and loses nothing', async () => {
    const pushing = await create();
    const name = await pushing.switchWal();
    expect(await pushing.run(['push', `pg_wal/${name}`])).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^holdfast-wal: push pg_wal\/\w+: no executor answers at .+\n$/),
    });
    serve(pushing);
    await pushing.drain();
    expect((await openArchive(pushing)).index.runs(1)).toHaveLength(1);
    // The same again.
    expect(await pushing.run(['push', `pg_wal/${name}`])).toEqual({ status: 0, stderr: '' });
    const path = join(pushing.cluster.folder, name);
    await copyFile(join(pushing.cluster.dataDirectory, 'pg_wal', name), path);
    const raw = await readFile(path);
    raw[raw.length - 1] = (raw[raw.length - 1] ?? 0) ^ 1;
    await writeFile(path, raw);
    await pushing.cluster.own(path);
    const refused = await pushing.run(['push', path]);
    expect(refused).toEqual({ status: 1, stderr: expect.stringContaining(`wal.conflict: `) });
    expect(refused.stderr).toContain(`has other bytes than ${name}`);
    expect(refused.stderr.split('\n')).toHaveLength(2);
    const renamed = join(pushing.cluster.folder, '0000000100000000000000F0');
    await copyFile(join(pushing.cluster.dataDirectory, 'pg_wal', name), renamed);
    await pushing.cluster.own(renamed);
    expect((await pushing.run(['push', renamed])).stderr).toContain('holds the WAL of another position');
    expect((await pushing.run(['push', 'postgresql.conf'])).stderr).toContain('wal.invalid: "postgresql.conf"');
    expect((await pushing.run(['push', '../../etc/passwd; x'])).stderr).toContain('no name of a WAL file');
  }, 120_000);

  it('is taken from registered clusters only, and a segment only from the cluster that wrote it', async () => {
    const [ours, other] = [await create(), await create()];
    serve(ours);
    await ours.drain();
    const name = await other.switchWal();
    const asOther = await ours.run(['push', `pg_wal/${name}`], other.cluster.dataDirectory);
    expect(asOther).toEqual({ status: 1, stderr: expect.stringContaining('wal.unregistered: cluster ') });
    const path = join(other.cluster.dataDirectory, 'pg_wal', name);
    expect((await ours.run(['push', path])).stderr).toMatch(/wal.conflict: \w+ was written by cluster \d+, and/);
  }, 120_000);

  it('that an executor dies in the middle of, or whose store is away, comes again and loses nothing', async () => {
    const pushing = await create();
    let isAway = false;
    let blocked: (() => void) | undefined;
    let isBlocking = false;
    const repository: BackupRepository = new ScriptedRepository(bed.repository, {
      put: async (real, ...args) => {
        if (isAway) throw new AppError('repository.unavailable', 'away, says the spec');
        if (!isBlocking) return real(...args);
        blocked?.();
        return new Promise((_, reject) =>
          args[2].signal.addEventListener('abort', () => reject(args[2].signal.reason)),
        );
      },
    });
    const first = serve(pushing, { repository });
    await pushing.drain();
    await base(pushing);
    isBlocking = true;
    const reached = new Promise<void>((resolve) => {
      blocked = resolve;
    });
    await pushing.cluster.query('INSERT INTO numbers SELECT generate_series(1, 20000)');
    const name = await pushing.switchWal();
    await reached;
    await first.stop();
    isBlocking = false;
    isAway = true;
    serve(pushing, { repository });
    await pushing.cluster.until(`(SELECT failed_count > 0 FROM pg_stat_archiver)`);
    const [row] = await pushing.cluster.query<{ last: string }>(
      `SELECT coalesce(last_archived_wal, '') AS last FROM pg_stat_archiver`,
    );
    expect((row?.last ?? '') < name).toBe(true);
    expect((await pushing.run(['push', `pg_wal/${name}`])).stderr).toContain(
      'repository.unavailable: away, says the spec',
    );
    isAway = false;
    await pushing.drain(90_000);
    expect(await recoverTo(pushing, LATEST)).toEqual(upTo(20_000));
  }, 240_000);
});

describe('the watch over pushes', () => {
  it('notes up to where the archive is complete, and tells a failing command and a gap', async () => {
    const pushing = await create();
    serve(pushing);
    const gaps: WalGap[] = [];
    const complete: string[] = [];
    const outages: (AppError | undefined)[] = [];
    const stop = new AbortController();
    const deps = {
      ...{ repository: bed.repository, clock: () => new Date(), lookEveryMs: 50 },
      onGap: (gap: WalGap) => void gaps.push(gap),
      onComplete: ({ lsn }: { lsn: string }) => void complete.push(lsn),
      onBehind: ({ outage }: { outage: AppError | undefined }) => void outages.push(outage),
    };
    const watching = watchPushes(datasetOf(pushing.cluster), deps, stop.signal).catch(() => undefined);
    running.push({
      stop: async () => {
        stop.abort(new Error('done'));
        await watching;
      },
    });
    await pushing.fill(1);
    await pushing.drain();
    await until(() => complete.length > 0);
    await base(pushing);
    await pushing.set('archive_command', '/bin/false');
    await pushing.fill(1);
    await pushing.switchWal();
    await until(() => outages.at(-1)?.code === 'wal.not-pushed');
    expect(gaps).toEqual([]);
    // Another archiver takes them, and they are gone.
    await pushing.set('archive_command', '/bin/true');
    await pushing.drain(90_000);
    await pushing.begin();
    await pushing.fill(1);
    await pushing.drain(90_000);
    await until(() => gaps.length > 0);
    expect(gaps).toMatchObject([{ timeline: 1, reason: expect.stringContaining('never handed over') }]);
    expect((await openArchive(pushing)).index.runs(1)).toHaveLength(2);
  }, 240_000);
});

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    if (tries > 600) throw new Error('it did not come true');
    await sleep(50);
  }
}
