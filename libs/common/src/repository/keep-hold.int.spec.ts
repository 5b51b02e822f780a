import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eachStorage, listKeys, type StorageBed } from '#common/testing/each-storage.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { listHolds } from './holds.js';
import { whileHeld } from './keep-hold.js';
import { expiringKey } from './layout.js';

const signal = new AbortController().signal;

describe.each(eachStorage)('work that reads a backup on %s', (_, open) => {
  let bed: StorageBed;
  beforeAll(async () => {
    bed = await open();
  });
  afterAll(() => bed.dispose());

  it('holds it, renews the hold, and lets it go, whether it succeeds or fails', async () => {
    const { dataset, backupId } = await storeBackup(bed.repository, 1);
    const work = { dataset, backupId, name: 'restore-1', reason: 'restore', by: 'spec', livesMs: 400 };
    const placedAt = async () => (await listHolds(bed.repository, work, { signal }))[0]?.placedAt.getTime();
    const answer = await whileHeld(bed.repository, work, signal, async () => {
      const first = (await placedAt()) ?? Number.NaN;
      const deadline = performance.now() + 10_000;
      while ((await placedAt()) === first && performance.now() < deadline) await sleep(50);
      expect(await placedAt()).toBeGreaterThan(first);
      return 'done';
    });
    expect(answer).toBe('done');
    const failing = whileHeld(bed.repository, work, signal, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect((await listKeys(bed.repository)).some((key) => key.includes('/holds/'))).toBe(false);
  });

  it('does not begin when the backup is being deleted', async () => {
    const { dataset, backupId } = await storeBackup(bed.repository, 2);
    const mark = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }));
    await bed.repository.put(expiringKey(dataset, backupId), mark, { signal });
    let hasBegun = false;
    const late = whileHeld(
      bed.repository,
      { dataset, backupId, name: 'late', reason: '', by: 'spec', mustHold: true },
      signal,
      async () => {
        hasBegun = true;
      },
    );
    await expect(late).rejects.toMatchObject({ code: 'backup.expiring' });
    expect(hasBegun).toBe(false);
  });

  it.each([
    [
      'stands for longer than its grace',
      JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }),
      'backup.expiring',
    ],
    ['cannot be understood', '', 'repository.format'],
  ])('goes on unheld, and says so, when a mark %s: what is read is checked', async (_, text, code) => {
    const { dataset, backupId } = await storeBackup(bed.repository, 3);
    await bed.repository.put(expiringKey(dataset, backupId), Buffer.from(text), { signal });
    const said: unknown[] = [];
    const work = {
      dataset,
      backupId,
      name: 'late',
      reason: '',
      by: 'spec',
      onUnheld: (error: unknown) => said.push(error),
    };
    expect(await whileHeld(bed.repository, work, signal, async () => 'done')).toBe('done');
    expect(said).toMatchObject([{ code }]);
    expect(await listHolds(bed.repository, work, { signal })).toEqual([]);
  });
});
