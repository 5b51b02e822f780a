import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CheckWarning } from '#common/engines/check.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { giveUpSlot } from '#common/engines/postgres/wal/orphan-slots.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { datasetChecks } from './dataset-checks.js';
import { walChecks } from './wal-check.js';

const { signal } = new AbortController();
let cluster: ThrowawayCluster;
let bed: BackupTestBed;
beforeAll(async () => {
  [cluster, bed] = await Promise.all([ThrowawayCluster.create({ segmentMegabytes: 1 }), BackupTestBed.create()]);
});
afterAll(async () => {
  await cluster?.remove();
  await bed?.remove();
});

const wal: PostgresDataset['wal'] = { mode: 'stream', slot: 'spec' };
const check = async (dataset: PostgresDataset): Promise<string> => {
  const [only] = walChecks(dataset, 'connection', signal);
  return String(await only?.run());
};

describe('the check of WAL archiving', () => {
  it('asks nothing of a dataset that archives none', () => {
    expect(walChecks(cluster.dataset(), 'connection', signal)).toEqual([]);
  });

  it('says whether a receiver streams, and what the slot keeps', async () => {
    await expect(check(cluster.dataset({ wal }))).rejects.toThrow('there is no slot "spec" yet');
    const archiver = new RunningArchiver(cluster, bed.repository);
    await archiver.until(await cluster.lsn());
    expect(await check(cluster.dataset({ wal }))).toMatch(/timeline 1: slot "spec" is streamed from, keeps \d+ MiB/);
    await archiver.kill();
    await cluster.until(`(SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'spec')`);
    await expect(check(cluster.dataset({ wal }))).rejects.toThrow('no executor streams from slot "spec"');
  });

  it('names slots of ours that no dataset asks for, which are dropped unless a receiver streams', async () => {
    const forgotten = async (dataset: PostgresDataset): Promise<string> => {
      const checks = datasetChecks(dataset, signal, { methods: [], alike: [dataset] });
      return String(await checks.find(({ name }) => name.endsWith('forgotten slots'))?.run());
    };
    const own = cluster.dataset({ wal: { mode: 'stream', slot: 'holdfast_own' } });
    for (const slot of ['holdfast_own', 'holdfast_gone', 'stranger'])
      await cluster.query('SELECT pg_create_physical_replication_slot($1, true)', [slot]);
    const told = await forgotten(own).catch((error: unknown) => error);
    expect(told).toBeInstanceOf(CheckWarning);
    expect(String(told)).toContain('slot "holdfast_gone" keeps 0 MiB');
    expect(String(told)).not.toMatch(/holdfast_own|stranger/);
    const session = await cluster.open();
    expect(await giveUpSlot(session, 'holdfast_gone')).toEqual({ retainedBytes: expect.any(Number) });
    await expect(giveUpSlot(session, 'holdfast_gone')).rejects.toMatchObject({ code: 'wal.slot-missing' });
    expect(await forgotten(own)).toContain('no dataset that does not ask for it');
    const archiver = new RunningArchiver(cluster, bed.repository);
    await archiver.until(await cluster.lsn());
    await expect(giveUpSlot(session, 'spec')).rejects.toMatchObject({ code: 'wal.slot-in-use' });
    await archiver.kill();
    for (const slot of ['holdfast_own', 'stranger']) await giveUpSlot(session, slot);
    await session.close();
  });

  it('refuses a role that may not replicate, and a server whose WAL recovers nothing', async () => {
    await cluster.query(`CREATE ROLE reader LOGIN PASSWORD 'secret'`);
    const reader = { ...cluster.connection, user: 'reader', password: 'secret' };
    await expect(check(cluster.dataset({ wal, connection: reader }))).rejects.toMatchObject({
      code: 'postgres.permission',
    });
    await cluster.query(`SELECT pg_drop_replication_slot('spec')`);
    await cluster.stop();
    await cluster.configure({ wal_level: 'minimal', max_wal_senders: '0' });
    await cluster.start();
    await expect(check(cluster.dataset({ wal }))).rejects.toMatchObject({
      code: 'postgres.replication',
      hint: expect.stringContaining('ALTER SYSTEM SET wal_level = replica'),
    });
  });

  it('says what keeps a server from handing its WAL over, and the statement that mends it', async () => {
    const own = await ThrowawayCluster.create({ segmentMegabytes: 1, settings: { wal_level: 'replica' } });
    const pushed = own.dataset({ wal: { mode: 'push' } });
    const refusal = (hint: string) => ({ code: 'postgres.archiving', hint: expect.stringContaining(hint) });
    const set = async (setting: string, value: string) => {
      await own.query(`ALTER SYSTEM SET ${setting} = '${value}'`);
      await own.query('SELECT pg_reload_conf()');
      await own.until(`current_setting('${setting}') = '${value}'`);
    };
    try {
      await expect(check(pushed)).rejects.toMatchObject(refusal('ALTER SYSTEM SET archive_mode = on'));
      await own.stop();
      await own.configure({ archive_mode: 'on' });
      await own.start();
      await expect(check(pushed)).rejects.toMatchObject(refusal(`SET archive_command = 'holdfast-wal push %p'`));
      await set('archive_command', 'false # holdfast-wal push %p');
      await own.query('SELECT pg_switch_wal()');
      await own.until(`(SELECT failed_count > 0 FROM pg_stat_archiver)`);
      await expect(check(pushed)).rejects.toThrow(/archive_command of cluster \d+ fails for 0{7}1/);
      await set('archive_command', 'true # holdfast-wal push %p');
      await own.until(`(SELECT last_archived_time > last_failed_time FROM pg_stat_archiver)`);
      await expect(check(pushed)).rejects.toThrow(`ALTER SYSTEM SET archive_timeout = '60s'`);
      await set('archive_timeout', '1min');
      expect(await check(pushed)).toMatch(/hands WAL over, at least every 60 s while it is written; the last is 0{7}1/);
    } finally {
      await own.remove();
    }
  });
});
