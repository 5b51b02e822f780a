import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
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
});
