import { randomUUID } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { readReach } from '#common/operations/recovery/read-reach.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { placeHold, releaseHold } from '#common/repository/holds.js';
import { manifestKey, walPrefix } from '#common/repository/layout.js';
import { encodeManifest } from '#common/repository/manifest-codec.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { applyRetention } from './apply-retention.js';
import { planRetention } from './plan-retention.js';

const { signal } = new AbortController();
const DAY_MS = 24 * 3_600_000;

let backups: BackupTestBed;
let bed: RunTestBed;
let cluster: ThrowawayCluster;
let archiver: RunningArchiver;
const [first, second, third] = [{}, {}, {}] as [Manifest, Manifest, Manifest];

/** Three base backups with WAL between and after them; once they are old, the window begins behind the third. */
beforeAll(async () => {
  backups = await BackupTestBed.create();
  bed = await RunTestBed.open({
    repositories: { disk: { url: backups.repository.location } },
    datasets: {
      shop: {
        ...{ kind: 'postgres', url: 'postgres://nobody@localhost:1/nothing', repositories: ['disk'] },
        retention: { within: '1d', minimumGood: 3 },
      },
    },
  });
  cluster = await ThrowawayCluster.create({ segmentMegabytes: 1 });
  await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
  archiver = new RunningArchiver(cluster, backups.repository);
  for (const [index, manifest] of [first, second, third].entries()) {
    Object.assign(manifest, await base());
    await cluster.query(
      `INSERT INTO numbers SELECT generate_series(${index * 20_000 + 1}, ${index * 20_000 + 20_000})`,
    );
    await cluster.query('SELECT pg_switch_wal()');
  }
  await archiver.until(await cluster.lsn());
  await archiver.untilComplete();
}, 180_000);
afterAll(async () => {
  await archiver?.kill();
  await cluster?.remove();
  await bed?.close();
  await backups?.remove();
});

const base = (): Promise<Manifest> =>
  takeBackup(
    backups.attempt(cluster.dataset({ name: 'shop' }), { method: 'base' }),
    backups.depsOf(postgresEngine()),
    signal,
  );
const deps = () => ({ ...bed.deps, now: () => new Date() });
const preview = async () => (await planRetention('shop', deps(), signal)).wal;
const sweep = async () => (await applyRetention('shop', deps(), signal)).wal;
const reach = async () => {
  const found = await readReach('shop', { repository: backups.repository, signal });
  return found ?? { windows: [], holes: [] };
};
const told = async () =>
  (
    await bed.bed.admin.query(
      `SELECT event -> 'data' AS data FROM holdfast.outbox WHERE event_type = 'archive.expired'`,
    )
  ).rows;

async function countRecovered(goal: Parameters<typeof recoverDataset>[0]['goal']): Promise<number> {
  const room = await cluster.placeCopy();
  try {
    const options = { dataset: 'shop', goal, directory: room.dataDirectory, toolDirectories: [cluster.binDir] };
    await recoverDataset({ ...options, runId: randomUUID(), signal }, { repository: backups.repository });
    await room.configure({});
    await room.start();
    return (await room.query('SELECT id FROM numbers')).length;
  } finally {
    await room.remove();
  }
}

/** As if the backups had been taken in the last month, and all that is archived two days ago. */
async function age(): Promise<void> {
  for (const [index, manifest] of [first, second, third].entries()) {
    const snapshotAt = new Date(Date.now() - (30 - 10 * index) * DAY_MS).toISOString();
    await backups.repository.put(manifestKey(manifest.attemptKey), encodeManifest({ ...manifest, snapshotAt }), {
      signal,
    });
  }
  const { systemId } = first.requires[0] ?? { systemId: '' };
  const root = join(fileURLToPath(backups.repository.location), walPrefix('shop', systemId));
  const then = new Date(Date.now() - 2 * DAY_MS);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then);
}

it('deletes archived WAL that no backup needs and none that a window, a hold, a running or an unreadable backup may need', async () => {
  const { repository } = backups;
  expect(await preview()).toMatchObject({ state: 'decided', expired: 0, needs: [{ fromBackup: first.backupId }] });
  await age();

  const hold = { dataset: 'shop', backupId: second.backupId, name: 'legal', reason: '', by: 'spec', livesMs: null };
  await placeHold(repository, hold, { signal });
  const whileHeld = await preview();
  expect(whileHeld.needs).toMatchObject([{ fromBackup: second.backupId }]);
  await releaseHold(repository, hold, { signal });
  const due = await preview();
  expect(due.expired).toBeGreaterThan(whileHeld.expired);
  expect(due.needs).toMatchObject([{ fromBackup: third.backupId, stretches: [{}, {}] }]);

  const other = first.attemptKey.replace(
    first.backupId,
    first.backupId.replace(/.$/, (end) => (end === '0' ? '1' : '0')),
  );
  await repository.put(`${other}/base.tar.zst`, Buffer.from('on its way'), { signal });
  expect(await preview()).toMatchObject({ state: 'waiting', expired: 0 });
  await repository.put(manifestKey(other), Buffer.from('{'), { signal });
  expect(await preview()).toMatchObject({ state: 'blocked', why: expect.stringContaining(other), expired: 0 });
  expect(await sweep()).toMatchObject({ state: 'blocked', removed: 0 });
  for (const key of [manifestKey(other), `${other}/base.tar.zst` as const]) await repository.remove(key, { signal });

  expect((await reach()).windows.map(({ bases }) => bases.length)).toEqual([3]);
  expect((await reach()).holes).toEqual([]);
  expect(await told()).toEqual([]);
  expect(await sweep()).toMatchObject({
    state: 'decided',
    removed: due.expired,
    removedBytes: due.sizeBytes,
    locked: 0,
  });
  expect(await preview()).toMatchObject({ expired: 0 });
  // What is there is said, no more: the first two lead to their own end only.
  const { windows, holes } = await reach();
  expect(windows.map(({ bases }) => bases)).toEqual([[first.backupId], [second.backupId], [third.backupId]]);
  const spans = [0, 1].map((index) => ({ timeline: 1, from: windows[index]?.to, to: windows[index + 1]?.from }));
  expect(holes).toEqual(spans);
  expect(await told()).toMatchObject([
    {
      data: {
        ...{ dataset: 'shop', archiver: 'wal', repository: 'disk', objects: due.expired, sizeBytes: due.sizeBytes },
        kept: [{ fromBackup: third.backupId, from: third.requires[0]?.startLsn }],
      },
    },
  ]);
  expect(await countRecovered({ target: { kind: 'latest' }, inclusive: true })).toBe(60_000);
  expect(
    await countRecovered({ target: { kind: 'lsn', lsn: second.requires[0]?.endLsn ?? '' }, inclusive: true }),
  ).toBe(20_000);
}, 240_000);
