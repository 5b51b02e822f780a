import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { placeHold } from '#common/repository/holds.js';
import { attemptPrefix, clockKey, expiringKey, sweptKey, verdictKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import { listKeys, listKeysOf } from '#common/testing/each-storage.js';
import { LockingStorage } from '#common/testing/locking-storage.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { backupIdAt, storeBackup } from '#common/testing/stored-backup.js';
import { expireBackup } from './expire-backup.js';
import { sweepAttempts } from './sweep-attempts.js';

const { signal } = new AbortController();
const dataset = 'shop';
const deadAfterMs = -60_000;

describe('a bucket that locks whatever is new', () => {
  let bed: S3Bed;
  let storage: LockingStorage;
  let repository: BackupRepository;
  beforeEach(async () => {
    bed = await S3Bed.make({ objectLock: true });
    storage = new LockingStorage(bed);
    repository = storage.repository;
  });
  afterEach(async () => {
    await repository.close();
    await bed.dispose();
  });

  const sweep = () => sweepAttempts(repository, { dataset, deadAfterMs }, signal);

  it('ends what it began when locks end', async () => {
    const { backupId, attemptKey } = await storeBackup(storage.unlocked, 1);
    const verdict = verdictKey(dataset, backupId, '2026-11-21T10:00:00.000Z', 'x');
    await repository.put(verdict, Buffer.from('{}'), { signal });
    const expire = () => expireBackup({ dataset, backupId, reasons: [] }, { repository, graceMs: 0 }, signal);
    expect(await expire()).toBe('marked');
    for (let sweeps = 0; sweeps < 3; sweeps += 1) {
      await expect(expire()).rejects.toMatchObject({ code: 'repository.locked' });
    }
    expect(await findBackup(repository, dataset, backupId, { signal })).toBeUndefined();
    const left = await listKeysOf(repository, `${dataset}/${backupId}`);
    expect(left).toEqual([verdict, sweptKey(attemptKey), expiringKey(dataset, backupId)]);
    expect(storage.written.filter((key) => key === sweptKey(attemptKey))).toHaveLength(1);
    await storage.endLocks();
    storage.locksNew = false;
    expect(await expire()).toBe('deleted');
    await sweep();
    expect(await listKeys(repository)).toEqual([]);
  });

  it('keeps no sweep from what is not locked, and loses nothing of what is', async () => {
    const hold = { dataset, backupId: backupIdAt(1), name: 'audit', reason: '', by: 'spec', livesMs: 1 };
    await placeHold(repository, hold, { signal });
    const lockedAttempt = attemptPrefix(dataset, backupIdAt(2), 1, 'dd');
    await repository.put(`${lockedAttempt}/database.dump`, Buffer.from('x'), { signal });
    const free = attemptPrefix(dataset, backupIdAt(3), 1, 'dd');
    await storage.unlocked.put(`${free}/database.dump`, Buffer.from('x'), { signal });
    while ((await sweep()).swept.length === 0) await sleep(200);
    const keys = await listKeys(repository);
    expect(keys).toContain(`${lockedAttempt}/database.dump`);
    expect(keys).not.toContain(`${free}/database.dump`);
    await storage.endLocks();
    storage.locksNew = false;
    // The marker goes with the sweep after the one that took the objects.
    for (let sweeps = 0; sweeps < 2; sweeps += 1) await sweep();
    expect(await listKeys(repository)).toEqual([]);
  });
});

it('what a dead process has read the clock from goes with the sweep', async () => {
  const bed = await S3Bed.make();
  const storage = bed.open();
  await storage.put(clockKey(dataset, 'dead'), Buffer.from('now\n'), { signal });
  await sweepAttempts(storage, { dataset, deadAfterMs: 3_600_000 }, signal);
  expect(await listKeys(storage)).toEqual([clockKey(dataset, 'dead')]);
  await sweepAttempts(storage, { dataset, deadAfterMs }, signal);
  expect(await listKeys(storage)).toEqual([]);
  await storage.close();
  await bed.dispose();
});
