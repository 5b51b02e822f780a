import { PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { Installation } from '#common/service/installation.js';
import { ProtectedBed, type ProtectedBedOptions } from '#common/testing/protected-bed.js';
import { users } from '#common/testing/s3-gateway.js';
import { startS3Proxy } from '#common/testing/s3-proxy.js';
import type { VerbContext } from '../verb.js';
import { runCheck } from './check.js';
import { deletionCheck, lockCheck } from './protection-check.js';

const { signal } = new AbortController();
const { sweeper, writer } = users;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function makeBed(o: ProtectedBedOptions) {
  const bed = await ProtectedBed.make(o);
  stops.push(() => bed.dispose());
  const check = async (of: typeof deletionCheck, changed: object = {}) => {
    const config = HoldfastConfig.parse({
      repositories: { offsite: { url: bed.s3.url, endpoint: bed.endpoint, ...writer, ...changed } },
      datasets: {},
    });
    const installation = new Installation(config);
    stops.push(() => installation.close());
    return runCheck(of('offsite', { installation, signal } as VerbContext));
  };
  return { bed, check };
}

describe('the check of rights to delete', () => {
  it.each(['one', 'versions'] as const)('in a bucket that keeps %s tells the two credentials apart', async (keeps) => {
    const { bed, check } = await makeBed({ keeps });
    const found = expect.stringContaining('deletes no backup');
    expect(await check(deletionCheck)).toMatchObject({ state: 'warning', found });
    expect(await check(deletionCheck, { delete: sweeper })).toMatchObject({ state: 'ok' });
    const both = { ...sweeper, delete: bed.administrator };
    expect(await check(deletionCheck, both)).toMatchObject({
      ...{ state: 'warning', found: expect.stringContaining('protects nothing') },
    });
    expect(await bed.s3.listVersions()).toEqual([]);
  });

  it('is red where the second credential may not delete versions', async () => {
    const { check } = await makeBed({
      keeps: 'versions',
      changePolicy: (all) => all.filter(({ Sid }) => Sid !== 'TheOtherDeletes'),
    });
    const problem = { code: 'repository.versions-denied' };
    expect(await check(deletionCheck, { delete: sweeper })).toMatchObject({ state: 'failed', problem });
  });
});

describe('the check of object lock', () => {
  const lock = { mode: 'governance' };

  it('proves that the storage keeps what is locked, and that it locks nothing below _control/', async () => {
    const { check } = await makeBed({ keeps: 'locked versions' });
    const found = expect.stringMatching(/governance lock keeps .* nothing is locked below _control/);
    expect(await check(lockCheck, { lock })).toMatchObject({ state: 'ok', found });
    expect(await check(lockCheck)).toMatchObject({ state: 'ok', found: expect.stringContaining('no lock') });
  });

  it('is red where the bucket has no object lock', async () => {
    const { check } = await makeBed({ keeps: 'versions' });
    const problem = { code: 'repository.lock-missing' };
    expect(await check(lockCheck, { lock })).toMatchObject({ state: 'failed', problem });
  });

  it('is red where the storage takes locks and keeps none', async () => {
    const { bed, check } = await makeBed({ keeps: 'locked versions' });
    const { hostname: host, port } = new URL(bed.endpoint);
    const withoutLocks = await startS3Proxy(
      { host, port: Number(port) },
      {
        change: (headers) =>
          Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-amz-object-lock'))),
      },
    );
    stops.push(() => withoutLocks.stop());
    const problem = { code: 'repository.protocol', message: expect.stringContaining('took a lock and shows none') };
    const outcome = await check(lockCheck, { lock, endpoint: withoutLocks.endpoint });
    expect(outcome).toMatchObject({ state: 'failed', problem });
  });

  it('looks at a default retention: overridden below _control/ it is well, and else a warning', async () => {
    const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 30 } };
    for (const mayLock of [true, false]) {
      const { bed, check } = await makeBed({
        keeps: 'locked versions',
        changePolicy: (all) =>
          all.map((one) => ({
            ...one,
            Action: one.Action.filter((action) => mayLock || action !== 's3:PutObjectRetention'),
          })),
      });
      const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' as const, Rule };
      await bed.s3.client.send(
        new PutObjectLockConfigurationCommand({ Bucket: bed.s3.bucket, ObjectLockConfiguration }),
      );
      const found = expect.stringContaining(mayLock ? 'overrides the default retention' : 'stays as a hidden version');
      expect(await check(lockCheck)).toMatchObject({ state: mayLock ? 'ok' : 'warning', found });
    }
  });
});
