import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AppError } from '#common/errors/app-error.js';
import { listHolds } from '#common/repository/holds.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { startReadOnlyGateway } from '#common/testing/s3-gateway.js';
import { backupIdAt, storeBackup } from '#common/testing/stored-backup.js';
import { holdWork } from './hold-work.js';

const { signal } = new AbortController();
const runId = backupIdAt(59);
let bed: S3Bed;
let gateway: Awaited<ReturnType<typeof startReadOnlyGateway>>;

beforeAll(async () => {
  [bed, gateway] = await Promise.all([S3Bed.make(), startReadOnlyGateway()]);
});
afterAll(async () => {
  await gateway.stop();
  await bed.dispose();
});

describe('work with a backup', () => {
  it('is seen by every user of the repository, and two attempts of one run do not release each other’s hold', async () => {
    const repository = bed.open();
    const { dataset, backupId } = await storeBackup(repository, 1);
    const names = async () => (await listHolds(repository, { dataset, backupId }, { signal })).map(({ name }) => name);
    const work = { dataset, backupId, kind: 'restore' as const, runId };
    await holdWork(repository, work, { signal }, async () => {
      const [first] = await names();
      expect(first).toContain(`restore-${runId}`);
      await holdWork(repository, work, { signal }, async () => expect(await names()).toHaveLength(2));
      expect(await names()).toEqual([first]);
    });
    expect(await names()).toEqual([]);
  });

  it('goes on unheld where it may only read, and does not begin where it would write', async () => {
    const { dataset, backupId } = await storeBackup(bed.open(), 2);
    const repository = bed.open({ endpoint: gateway.endpoint });
    const said: AppError[] = [];
    const o = { signal, onUnheld: (error: AppError) => void said.push(error) };
    const done = (kind: 'restore' | 'verification' | 'backup') =>
      holdWork(repository, { dataset, backupId, kind, runId }, o, async () => 'done');
    expect([await done('restore'), await done('verification')]).toEqual(['done', 'done']);
    expect(said.map(({ code }) => code)).toEqual(['repository.denied', 'repository.denied']);
    await expect(done('backup')).rejects.toMatchObject({ code: 'repository.denied' });
  });
});
