import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Lsn, toLsnBytes } from '#common/domain/lsn.js';
import { AppError } from '#common/errors/app-error.js';
import { Keyring } from '#common/sealing/keyring.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ScriptedRepository } from '#common/testing/scripted-repository.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { WalArchive } from './wal-archive.js';
import type { ArchiveWalDeps } from './wal-archiver.js';

const { signal } = new AbortController();

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

async function create(o: Parameters<typeof ThrowawayCluster.create>[0] = {}): Promise<ThrowawayCluster> {
  const cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, ...o });
  clusters.push(cluster);
  await cluster.query('CREATE TABLE filler (id int, note text)');
  return cluster;
}

function archive(cluster: ThrowawayCluster, changes: Partial<ArchiveWalDeps> = {}): RunningArchiver {
  const archiver = new RunningArchiver(cluster, changes.repository ?? bed.repository, changes);
  archivers.push(archiver);
  return archiver;
}

/** About so many megabytes of WAL. */
const fill = (cluster: ThrowawayCluster, megabytes: number): Promise<unknown> =>
  cluster.query(`INSERT INTO filler SELECT n, repeat('x', 900) FROM generate_series(1, $1::int * 1000) n`, [megabytes]);

async function openArchive(cluster: ThrowawayCluster, segmentBytes = 1 << 20): Promise<WalArchive> {
  const [row] = await cluster.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_control_system()');
  return WalArchive.open(
    { repository: bed.repository, dataset: 'shop', systemId: row?.id ?? '', segmentBytes },
    signal,
  );
}

describe.each([
  ['postgres18', 1],
  ['postgres18', 16],
  ['postgres15', 1],
] as const)('the WAL of %s in segments of %i MB', (server, segmentMegabytes) => {
  it('is archived as the server wrote it, whole segments and what is being filled', async () => {
    const cluster = await create({ server, segmentMegabytes });
    const archiver = archive(cluster);
    await fill(cluster, 3 * segmentMegabytes);
    const lsn = await cluster.lsn();
    await archiver.until(lsn);
    await archiver.kill();
    const stored = await openArchive(cluster, segmentMegabytes << 20);
    const runs = stored.index.runs(1);
    expect(runs).toHaveLength(1);
    expect(stored.index.endOfRun(1, runs[0]?.first ?? 0n)).toBeGreaterThanOrEqual(toLsnBytes(lsn));
    for (let number = runs[0]?.first ?? 0n; number <= (runs[0]?.last ?? 0n); number += 1n) {
      const object = stored.index.segment(1, number);
      if (object === undefined) throw new Error('a run has a hole');
      const raw = await stored.read(object, Keyring.empty, signal);
      const [row] = await cluster.query<{ same: Buffer }>(`SELECT pg_read_binary_file('pg_wal/' || $1) AS same`, [
        stored.index.nameOf(1, number),
      ]);
      expect(raw.equals(row?.same as Buffer)).toBe(true);
    }
    expect(archiver.interruptions).toEqual([]);
  });
});

describe('an archiver', () => {
  it('that is killed again and again loses nothing', async () => {
    const cluster = await create();
    for (let round = 0; round < 6; round += 1) {
      const archiver = archive(cluster);
      const filling = fill(cluster, 4);
      await sleep(50 + Math.random() * 300);
      await archiver.kill();
      await filling;
    }
    const lsn = await cluster.lsn();
    const last = archive(cluster);
    await last.until(lsn);
    const { index } = await openArchive(cluster);
    expect(index.runs(1)).toHaveLength(1);
    expect(last.gaps).toEqual([]);
  });

  it('follows a server that is promoted, and keeps the history', async () => {
    const primary = await create();
    const standby = await primary.createStandby();
    clusters.push(standby);
    const archiver = archive(standby);
    await fill(primary, 2);
    await archiver.until(await primary.lsn());
    await standby.promote();
    await fill(standby, 2);
    await archiver.until(await standby.lsn());
    expect(archiver.state?.timeline).toBe(2);
    const { index } = await openArchive(standby);
    expect(index.timelineIds).toEqual([1, 2]);
    expect(index.historyOf(2)).toBeDefined();
    expect(archiver.gaps).toEqual([]);
  });

  it('waits for storage that is away, and never keeps the server from going down', async () => {
    const cluster = await create();
    let isAway = false;
    const repository = new ScriptedRepository(bed.repository, {
      put: (real, ...args) => {
        if (isAway) throw new AppError('repository.unavailable', 'away, says the spec');
        return real(...args);
      },
    });
    const archiver = archive(cluster, { repository });
    await fill(cluster, 1);
    await archiver.until(await cluster.lsn());
    isAway = true;
    await fill(cluster, 5);
    const stopping = performance.now();
    await cluster.stop();
    expect(performance.now() - stopping).toBeLessThan(20_000);
    await cluster.start();
    isAway = false;
    await archiver.until(await cluster.lsn());
    expect(archiver.gaps).toEqual([]);
    expect((await openArchive(cluster)).index.runs(1)).toHaveLength(1);
  });

  it('tells a gap when the server has given up its slot, and goes on behind it', async () => {
    const cluster = await create({
      settings: { max_slot_wal_keep_size: '2MB', min_wal_size: '2MB', max_wal_size: '4MB' },
    });
    const first = archive(cluster);
    // The archive begins where its slot was made: whole segments come only after that.
    await fill(cluster, 1);
    await first.until(await cluster.lsn());
    await fill(cluster, 3);
    const before = await cluster.lsn();
    await first.until(before);
    await first.kill();
    for (let round = 0; round < 4; round += 1) {
      await fill(cluster, 6);
      await cluster.query('CHECKPOINT');
    }
    await cluster.until(`(SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = 'spec')`);
    const second = archive(cluster);
    await fill(cluster, 1);
    await second.until(await cluster.lsn());
    expect(second.gaps).toMatchObject([{ timeline: 1, reason: 'the server gave the slot up' }]);
    const [gap] = second.gaps;
    expect(toLsnBytes(gap?.from as Lsn)).toBeGreaterThanOrEqual(toLsnBytes(before));
    expect((await openArchive(cluster)).index.runs(1)).toHaveLength(2);
  });

  it('refuses other bytes under a name that is archived', async () => {
    const cluster = await create();
    const copy = await cluster.createCopy();
    clusters.push(copy);
    const own = archive(cluster);
    await fill(cluster, 3);
    await own.until(await cluster.lsn());
    await own.kill();
    await copy.query(`INSERT INTO filler SELECT n, repeat('y', 900) FROM generate_series(1, 3000) n`);
    const other = archive(copy);
    for (let tries = 0; other.interruptions.length === 0 && tries < 200; tries += 1) await sleep(50);
    expect(other.interruptions[0]).toMatchObject({ code: 'wal.conflict' });
  });
});
