import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { WalOptions } from '#common/engines/postgres/postgres-dataset.js';
import { WalDesk } from '#common/engines/postgres/wal/push/wal-desk.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { BackupTestBed, plainSealing } from '#common/testing/backup-test-bed.js';
import { PushingCluster } from '#common/testing/pushing-cluster.js';
import { representative } from '#common/testing/representative.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ScriptedRepository } from '#common/testing/scripted-repository.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { serveDesks } from './desks.js';

let bed: BackupTestBed;
const rooms: { remove(): Promise<void> }[] = [];
const running: { stop(): Promise<void> }[] = [];

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

function serve(
  pushing: PushingCluster,
  { repository = bed.repository, wal = { mode: 'push' } }: { repository?: BackupRepository; wal?: WalOptions } = {},
): void {
  const dataset = pushing.cluster.dataset({ name: `shop-${pushing.cluster.password}`, wal });
  const desk = new WalDesk([{ dataset, repository, sealing: plainSealing }]);
  running.push(serveDesks({ wal: desk }, { path: pushing.socket, logger: silentLogger, lookEveryMs: 50 }));
}

/** A copy of the server that goes on with what the archive has: with `standby.signal` for ever, with `recovery.signal` until it ends. */
async function follow(
  pushing: PushingCluster,
  marker: 'standby.signal' | 'recovery.signal',
  settings: Readonly<Record<string, string>> = {},
): Promise<ThrowawayCluster> {
  const { cluster } = pushing;
  const room = await cluster.placeCopy();
  rooms.push(room);
  const source = `host=127.0.0.1 port=${cluster.port} user=${cluster.user} password=${cluster.password}`;
  // Without the WAL that makes it consistent: all of it comes from the archive.
  const args = ['--checkpoint=fast', '--wal-method=none', `--pgdata=${room.dataDirectory}`, `--dbname=${source}`];
  await cluster.run('pg_basebackup', args);
  await writeFile(join(room.dataDirectory, marker), '');
  await room.own();
  await room.configure({
    restore_command: `${pushing.shellWords('--patience 1 fetch')} %f %p`,
    wal_retrieve_retry_interval: '200ms',
    ...settings,
  });
  return room;
}

describe('a fetch', () => {
  it('gives back the bytes that were pushed, tells what is not there from what could not be looked up, and leaves nothing half there', async () => {
    const pushing = await create();
    const { cluster } = pushing;
    let isAway = false;
    const repository = new ScriptedRepository(bed.repository, {
      list: (real, ...args) => {
        if (isAway) throw new AppError('repository.unavailable', 'away, says the spec');
        return real(...args);
      },
    });
    const nobody = await pushing.run(['--patience', '1', 'fetch', '000000010000000000000001', 'x']);
    expect(nobody).toEqual({ status: 200, stderr: expect.stringContaining('no executor answers at') });
    serve(pushing, { repository });
    await pushing.fill(3);
    const name = await pushing.drain();
    const raw = await readFile(join(cluster.dataDirectory, 'pg_wal', name));
    const path = join(cluster.folder, 'fetched');
    expect(await pushing.run(['fetch', name, path])).toEqual({ status: 0, stderr: '' });
    expect((await readFile(path)).equals(raw)).toBe(true);
    const absent = await pushing.run(['fetch', '0000000100000000000000F0', `${path}-absent`]);
    expect(absent).toEqual({ status: 1, stderr: '' });
    expect((await pushing.run(['fetch', '00000002.history', `${path}-absent`])).status).toBe(1);
    isAway = true;
    const away = await pushing.run(['--patience', '1', 'fetch', '0000000100000000000000F0', `${path}-absent`]);
    expect(away).toEqual({ status: 200, stderr: expect.stringContaining('repository.unavailable: away') });
    isAway = false;
    const objects = await bed.files();
    const stored = objects.find((each) => each.includes(name)) ?? '';
    await truncate(stored, 100);
    const damaged = await pushing.run(['--patience', '1', 'fetch', name, `${path}-absent`]);
    expect(damaged).toEqual({ status: 200, stderr: expect.stringContaining('backup.corrupt: ') });
    expect((await readdir(cluster.folder)).filter((each) => each.startsWith('fetched'))).toEqual(['fetched']);
    const stranger = await ThrowawayCluster.create();
    rooms.push(stranger);
    const unknown = await pushing.run(['--patience', '1', 'fetch', name, `${path}-absent`], stranger.dataDirectory);
    expect(unknown).toEqual({ status: 200, stderr: expect.stringContaining('wal.unregistered: ') });
  }, 120_000);

  it.each(representative(['postgres18', 'postgres15'] as const))(
    'is how standbys of %s follow, also one of them when it was promoted',
    async (server) => {
      const pushing = await create({ server });
      const { cluster } = pushing;
      serve(pushing);
      await pushing.drain();
      const next = await follow(pushing, 'standby.signal', {
        archive_mode: 'on',
        archive_command: `${pushing.shellWords('push')} %p`,
      });
      const other = await follow(pushing, 'standby.signal');
      await pushing.fill(12);
      await cluster.query('INSERT INTO numbers SELECT generate_series(1, 1000)');
      await pushing.drain();
      await next.start();
      await other.start();
      const has = (rows: number) => `(SELECT count(*) FROM numbers) = ${rows}`;
      await next.until(has(1_000), 60_000);
      await other.until(has(1_000), 60_000);
      await cluster.query('INSERT INTO numbers VALUES (1001)');
      await pushing.drain();
      await cluster.stop();
      await next.until(has(1_001), 60_000);
      await next.promote();
      await next.query('INSERT INTO numbers VALUES (1002)');
      await next.query('SELECT pg_switch_wal()');
      await other.until(has(1_002), 60_000);
      const names = (await bed.files()).map((file) => basename(file));
      expect(names).toContainEqual(expect.stringMatching(/^00000002[.]history-/));
    },
    180_000,
  );

  it('that fails ends a recovery, which would open too early otherwise', async () => {
    const pushing = await create();
    serve(pushing);
    await pushing.drain();
    const room = await follow(pushing, 'recovery.signal');
    await pushing.cluster.query('INSERT INTO numbers VALUES (1)');
    await pushing.drain();
    for (const each of running.splice(0)) await each.stop();
    await expect(room.start()).rejects.toThrow(/holdfast-wal: fetch \w+[.\w]*: no executor answers/);
    serve(pushing);
    await room.start();
    await room.until('NOT pg_is_in_recovery()', 60_000);
    expect(await room.query('SELECT id FROM numbers')).toEqual([{ id: 1 }]);
  }, 180_000);

  it('gives what was streamed as well, also of the segment that is being filled', async () => {
    const pushing = await create({ settings: { archive_mode: 'off' } });
    const { cluster } = pushing;
    const archiver = new RunningArchiver(cluster, bed.repository, { name: `shop-${cluster.password}` });
    running.push({ stop: () => archiver.kill() });
    serve(pushing, { wal: { mode: 'stream', slot: 'spec' } });
    await pushing.fill(1);
    const room = await follow(pushing, 'recovery.signal');
    await cluster.query('INSERT INTO numbers VALUES (1)');
    await archiver.until(await cluster.lsn());
    await archiver.untilComplete();
    await room.start();
    await room.until('NOT pg_is_in_recovery()', 60_000);
    expect(await room.query('SELECT id FROM numbers')).toEqual([{ id: 1 }]);
  }, 180_000);
});
