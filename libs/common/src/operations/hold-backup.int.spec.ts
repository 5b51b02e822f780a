import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listHolds } from '#common/repository/holds.js';
import { sweptKey } from '#common/repository/layout.js';
import { eachStorage, type StorageBed } from '#common/testing/each-storage.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { holdBackup } from './hold-backup.js';

const { signal } = new AbortController();
const DAY_MS = 86_400_000;

describe.each(eachStorage)('a hold of an operator on %s', (_, open) => {
  let bed: StorageBed;
  let minute = 0;
  beforeAll(async () => {
    bed = await open();
  });
  afterAll(() => bed.dispose());

  async function newBackup() {
    const { dataset, backupId, attemptKey } = await storeBackup(bed.repository, ++minute);
    const hold = (livesMs: number | null, name = 'audit') =>
      holdBackup(bed.repository, { dataset, backupId, name, reason: '', by: 'spec', livesMs }, signal);
    const lives = async () =>
      (await listHolds(bed.repository, { dataset, backupId }, { signal })).map(({ livesMs }) => livesMs);
    return { hold, lives, attemptKey };
  }

  it.each([null, 30 * DAY_MS])('is made longer, never shorter, by another of its name (%s)', async (longer) => {
    const { hold, lives } = await newBackup();
    await hold(DAY_MS);
    await hold(longer);
    const shorter = hold(DAY_MS);
    await expect(shorter).rejects.toMatchObject({ code: 'request.refused', hint: expect.stringContaining('release') });
    expect(await lives()).toEqual([longer]);
    await hold(DAY_MS, 'another');
    expect(await lives()).toHaveLength(2);
  });

  it('stands beside nothing that is gone', async () => {
    const { hold, lives, attemptKey } = await newBackup();
    await bed.repository.put(sweptKey(attemptKey), Buffer.alloc(0), { signal });
    await expect(hold(null)).rejects.toMatchObject({ code: 'backup.missing' });
    expect(await lives()).toEqual([]);
  });
});
