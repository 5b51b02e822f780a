import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeskPlace } from '#common/engines/local-desk.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { WalDesk } from '#common/engines/postgres/wal/push/wal-desk.js';
import { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { Sealing } from '#common/sealing/sealing.js';
import type { Background } from '#common/service/background/background.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { BackupTestBed, plainSealing } from '#common/testing/backup-test-bed.js';
import { PushingCluster } from '#common/testing/pushing-cluster.js';
import { ScriptedRepository } from '#common/testing/scripted-repository.js';
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

async function create(): Promise<PushingCluster> {
  const pushing = await PushingCluster.create();
  rooms.push(pushing);
  return pushing;
}

const datasetOf = (cluster: PushingCluster['cluster']): PostgresDataset =>
  cluster.dataset({ name: `shop-${cluster.password}`, wal: { mode: 'push' } });

function serve(pushing: PushingCluster, changes: Partial<DeskPlace<PostgresDataset>> = {}): Background {
  const place = { dataset: datasetOf(pushing.cluster), repository: bed.repository, sealing: plainSealing, ...changes };
  const o = { path: pushing.socket, logger: silentLogger, lookEveryMs: 50 };
  const background = serveDesks({ wal: new WalDesk([place]) }, o);
  running.push(background);
  return background;
}

const base = ({ cluster }: PushingCluster) =>
  takeBackup(bed.attempt(datasetOf(cluster), { method: 'base' }), bed.depsOf(engine), signal);

async function recoverLatest({ cluster }: PushingCluster, repository = bed.repository): Promise<number[]> {
  const room = await cluster.placeCopy();
  rooms.push(room);
  const of = { dataset: datasetOf(cluster).name, directory: room.dataDirectory, runId: randomUUID(), signal };
  const goal = { target: { kind: 'latest' }, inclusive: true } as const;
  await recoverDataset({ ...of, goal, toolDirectories: [cluster.binDir] }, { repository });
  await room.configure({});
  await room.start();
  const rows = await room.query<{ id: number }>('SELECT id FROM numbers ORDER BY id');
  return rows.map(({ id }) => id);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

async function openArchive({ cluster }: PushingCluster): Promise<WalArchive> {
  const [row] = await cluster.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_control_system()');
  const of = { repository: bed.repository, dataset: datasetOf(cluster).name, systemId: row?.id ?? '' };
  return WalArchive.open({ ...of, segmentBytes: 1 << 20 }, signal);
}

describe('a server that is behind', () => {
  it('sends what follows along with what it hands over, a few at a time and each once, and is complete', async () => {
    const pushing = await create();
    const stored: string[] = [];
    const atOnce: number[] = [];
    let storing = 0;
    const repository: BackupRepository = new ScriptedRepository(bed.repository, {
      put: async (real, ...args) => {
        storing += 1;
        atOnce.push(storing);
        await sleep(200);
        const result = await real(...args);
        storing -= 1;
        stored.push(args[0]);
        return result;
      },
    });
    for (let segment = 0; segment < 9; segment += 1) await pushing.switchWal();
    serve(pushing, { repository });
    await pushing.drain(60_000);
    expect((await openArchive(pushing)).index.runs(1)).toHaveLength(1);
    expect(new Set(stored).size).toBe(stored.length);
    expect(Math.max(...atOnce)).toBeGreaterThan(1);
    expect(Math.max(...atOnce)).toBeLessThanOrEqual(4);
    const [row] = await pushing.cluster.query<{ n: string }>('SELECT archived_count AS n FROM pg_stat_archiver');
    expect(stored).toHaveLength(Number(row?.n));
  }, 120_000);

  it('loses nothing of what was sent along when the executor dies', async () => {
    const pushing = await create();
    let isDying = true;
    const repository: BackupRepository = new ScriptedRepository(bed.repository, {
      put: (real, ...args) =>
        isDying
          ? new Promise((_, reject) => args[2].signal.addEventListener('abort', () => reject(args[2].signal.reason)))
          : real(...args),
    });
    await base(pushing);
    await pushing.cluster.query('INSERT INTO numbers SELECT generate_series(1, 1000)');
    for (let segment = 0; segment < 4; segment += 1) await pushing.switchWal();
    const first = serve(pushing, { repository });
    await sleep(1_500);
    await first.stop();
    isDying = false;
    serve(pushing, { repository });
    await pushing.drain(90_000);
    expect(await recoverLatest(pushing)).toEqual(upTo(1_000));
  }, 180_000);
});

(isAgeInstalled ? describe : describe.skip)('an encrypted repository', () => {
  it('takes pushes from an executor that cannot read them, again and again, and gives them back to an identity', async () => {
    const pushing = await create();
    const { recipient, identity } = await generateAgeKeys();
    const sealed = await BackupTestBed.create({ recipients: [recipient] });
    rooms.push(sealed);
    const sealing = new Sealing({ compression: { level: 1, threads: 1 }, recipients: [recipient] });
    serve(pushing, { repository: sealed.repository, sealing });
    const attempt = sealed.attempt(datasetOf(pushing.cluster), { method: 'base' });
    await takeBackup(attempt, sealed.depsOf(engine), signal);
    await pushing.cluster.query('INSERT INTO numbers SELECT generate_series(1, 500)');
    const name = await pushing.drain();
    expect(await pushing.run(['push', `pg_wal/${name}`])).toEqual({ status: 0, stderr: '' });
    await expect(recoverLatest(pushing, sealed.repository)).rejects.toMatchObject({
      code: 'sealing.identity-missing',
    });
    const reader = sealed.reopen({ recipients: [recipient], identity });
    expect(await recoverLatest(pushing, reader)).toEqual(upTo(500));
  }, 120_000);
});
