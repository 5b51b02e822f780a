import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { PutBucketVersioningCommand, PutObjectLegalHoldCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { describeBackupRepositoryContract } from '#common/testing/backup-repository-contract.js';
import { ProtectedBed } from '#common/testing/protected-bed.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { startReadOnlyGateway } from '#common/testing/s3-gateway.js';
import { startS3Proxy } from '#common/testing/s3-proxy.js';
import { endpoints } from '#tools/services/endpoints.js';

describeBackupRepositoryContract('an S3 bucket', async () => {
  const [bed, gateway] = await Promise.all([S3Bed.make(), startReadOnlyGateway()]);
  return {
    open: () => bed.open(),
    openReadOnly: () => bed.open({ endpoint: gateway.endpoint }),
    openMissing: () => bed.open({ url: `s3://${bed.bucket}-not/prefix` }),
    countUnfinished: () => bed.countUnfinished(),
    listStored: () => bed.listVersions(),
    dispose: async () => {
      await gateway.stop();
      await bed.dispose();
    },
  };
});

const lock = { mode: 'governance' as const, periods: {} };

describe.each([
  ['a bucket that keeps versions, and two credentials', 'versions', undefined],
  ['a bucket that locks, and two credentials', 'locked versions', lock],
] as const)('%s', (name, keeps, locking) => {
  describeBackupRepositoryContract(name, async () => {
    const [bed, gateway] = await Promise.all([ProtectedBed.make({ keeps }), startReadOnlyGateway()]);
    const { s3 } = bed;
    return {
      open: () => bed.openDeleting({ lock: locking }),
      openReadOnly: () => s3.open({ endpoint: gateway.endpoint }),
      openMissing: () => s3.open({ url: `s3://${s3.bucket}-not/prefix` }),
      countUnfinished: () => s3.countUnfinished(),
      listStored: () => s3.listVersions(),
      dispose: async () => {
        await gateway.stop();
        await bed.dispose();
      },
    };
  });
});

describe('S3Repository', () => {
  const signal = new AbortController().signal;
  const leftovers: (() => Promise<void>)[] = [];
  const makeBed = async (o: { objectLock?: boolean } = {}) => {
    const bed = await S3Bed.make(o);
    leftovers.push(() => bed.dispose());
    return bed;
  };
  afterEach(async () => {
    for (const dispose of leftovers.splice(0).reverse()) await dispose();
  });

  it('says which key is wrong and never repeats a secret', async () => {
    const bed = await makeBed();
    const secretAccessKey = 'correct-horse-battery-staple';
    const wrong = bed.open({ secretAccessKey });
    const error = await wrong.put('a/b', Buffer.from('x'), { signal }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'repository.denied', hint: expect.stringContaining('secretAccessKey') });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secretAccessKey);
    expect(wrong.location).not.toContain(secretAccessKey);
    const unknown = bed.open({ accessKeyId: `nobody-${randomUUID()}` });
    await expect(unknown.stat('a/b', { signal })).rejects.toMatchObject({ code: 'repository.denied' });
  });

  it('says soon that no server listens under the endpoint', async () => {
    const bed = await makeBed();
    const closed = bed.open({ endpoint: 'http://127.0.0.1:1' });
    const problem = {
      code: 'repository.unavailable',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    };
    await expect(closed.stat('a/b', { signal })).rejects.toMatchObject(problem);
  });

  it('shows no older version of what it removes', async () => {
    const bed = await makeBed({ objectLock: true });
    const repository = bed.open();
    for (const body of ['one', 'two', 'three']) await repository.put('twice/object', Buffer.from(body), { signal });
    const [newest = '', middle = '', oldest = ''] = await bed.versionsOf('twice/object');
    const removed: (string | null)[] = [];
    const { host, port } = endpoints.s3;
    const proxy = await startS3Proxy(
      { host, port },
      {
        answer: ({ method, url = '' }) => {
          if (method === 'DELETE') removed.push(new URL(url, 'http://store').searchParams.get('versionId'));
          return undefined;
        },
      },
    );
    leftovers.push(() => proxy.stop());
    const watched = bed.open({ endpoint: proxy.endpoint });
    await watched.remove('twice/object', { signal });
    expect(removed.at(-1)).toBe(newest);
    expect(removed.toSorted()).toEqual([oldest, middle, newest].toSorted());
    await watched.close();
  });

  it('discovers what the bucket can do', async () => {
    const plain = await makeBed();
    expect(await plain.open().traits({ signal })).toEqual({
      conditionalPut: true,
      versioning: false,
      objectLock: false,
      maxObjectBytes: expect.any(Number),
    });
    for (const Status of ['Enabled', 'Suspended'] as const) {
      await plain.client.send(
        new PutBucketVersioningCommand({ Bucket: plain.bucket, VersioningConfiguration: { Status } }),
      );
      expect(await plain.open().traits({ signal })).toMatchObject({ versioning: true, objectLock: false });
    }
    const locking = await makeBed({ objectLock: true });
    expect(await locking.open().traits({ signal })).toMatchObject({ versioning: true, objectLock: true });
  });

  it('leaves an object alone that a lock holds, and removes it afterwards', async () => {
    const bed = await makeBed({ objectLock: true });
    const repository = bed.open();
    await repository.put('kept/object', Buffer.from('x'), { signal });
    const hold = (Status: 'ON' | 'OFF') =>
      bed.client.send(
        new PutObjectLegalHoldCommand({ Bucket: bed.bucket, Key: 'some/prefix/kept/object', LegalHold: { Status } }),
      );
    await hold('ON');
    await expect(repository.remove('kept/object', { signal })).rejects.toMatchObject({ code: 'repository.locked' });
    expect(await repository.stat('kept/object', { signal })).toBeDefined();
    await hold('OFF');
    await repository.remove('kept/object', { signal });
    expect(await repository.stat('kept/object', { signal })).toBeUndefined();
  });
});
