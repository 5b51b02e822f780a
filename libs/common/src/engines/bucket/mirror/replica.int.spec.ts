import { randomUUID } from 'node:crypto';
import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { restoreBackup } from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { bucket } from '../bucket.engine.js';
import { mirrorOnce } from './mirror-round.js';

const { signal } = new AbortController();
let source: BucketBed;
let replica: BucketBed;
let place: BucketBed;
let bed: BackupTestBed;
beforeEach(async () => {
  [source, replica, place] = [await BucketBed.make(), await BucketBed.make(), await BucketBed.make()];
  bed = await BackupTestBed.create();
});
afterEach(async () => {
  await bed.remove();
  for (const each of [source, replica, place]) await each.dispose();
});

type Options = Readonly<Record<string, unknown>>;

function datasetOf(mirror: Options = {}) {
  const common = { name: 'media', compression: { level: 1, threads: 1 } };
  const said = { ...source.options(), mirror: { ...replica.options('copy'), ...mirror } };
  return bucket.dataset.resolve(common, bucket.dataset.schema.parse(said));
}

const mirror = () => mirrorOnce(datasetOf() as Parameters<typeof mirrorOnce>[0], { signal, now: () => new Date() });

const backup = (dataset = datasetOf()): Promise<Manifest> =>
  takeBackup(bed.attempt(dataset, { method: 'replica' }), bed.depsOf(bucket), signal);

function restore(manifest: Manifest, o: Options = {}, dataset = datasetOf()) {
  const target = bucket.target.resolve({ name: 'standby' }, bucket.target.schema.parse(place.options()));
  const order = { strategy: 'new', destination: '/', ...o, target, identity: { runId: randomUUID(), attempt: 1 } };
  const deps = { repository: bed.repository, engine: bucket, dataset, workDirectory: bed.folder };
  return restoreBackup({ ...order, manifest } as Parameters<typeof restoreBackup>[0], deps as never, signal);
}

async function keepVersions(of: BucketBed): Promise<void> {
  const input = { Bucket: of.bed.bucket, VersioningConfiguration: { Status: 'Enabled' as const } };
  await of.bed.client.send(new PutBucketVersioningCommand(input));
}

describe('a backup of a replica', () => {
  it('is made and restored when the source is gone, whole or in part, as objects were served', async () => {
    await source.put('page', 'text', { ContentType: 'text/html', Metadata: { owner: 'shop' }, Tagging: 'kind=page' });
    await source.put('2026/large', Buffer.alloc(9 << 20, 'x'));
    await source.put('2026/small', 'small');
    const [was, served] = [await source.contents(), await source.served('page')];
    const { startedAt } = await mirror();
    await source.destroy();
    await mirror();
    const manifest = await backup();
    expect(manifest).toMatchObject({ method: 'replica', snapshotAt: startedAt.toISOString() });
    expect(manifest.warnings).toEqual([expect.stringContaining('keeps no versions')]);
    await restore(manifest);
    expect(await place.contents()).toEqual(was);
    expect(await place.served('page')).toEqual(served);
    await place.put('page', 'spoilt');
    await place.remove('2026/small');
    await restore(manifest, { strategy: 'sync', parts: ['2026/*'] });
    expect(await place.contents('2026/')).toEqual(
      Object.fromEntries(Object.entries(was).flatMap(([key, sha]) => (key === 'page' ? [] : [[key.slice(5), sha]]))),
    );
    await restore(manifest, { strategy: 'sync' });
    expect(await place.contents()).toEqual(was);
  });

  it('changes nothing where the replica has lost a content, and names it', async () => {
    await source.put('a', 'one');
    await source.put('b', 'two');
    await mirror();
    const manifest = await backup();
    await replica.remove('copy/b');
    await expect(restore(manifest)).rejects.toMatchObject({
      ...{ code: 'backup.damaged', message: expect.stringContaining('"b"') },
    });
    expect(await place.keys()).toEqual([]);
  });

  it('gives back its own moment where the replica keeps versions', async () => {
    await keepVersions(replica);
    await source.put('a', 'one');
    await source.put('b', 'two');
    await mirror();
    const [manifest, was] = [await backup(), await source.contents()];
    expect(manifest.warnings).toEqual([]);
    await source.put('a', 'one, later');
    await mirror();
    await replica.remove('copy/b');
    await restore(manifest);
    expect(await place.contents()).toEqual(was);
  });

  it('leaves out what the source had removed, and what the mirror did not write', async () => {
    for (const key of ['a', 'b', 'c']) await source.put(key, key);
    await mirror();
    await source.remove('b');
    await replica.put('copy/theirs', 'of another program');
    await mirror();
    await restore(await backup());
    expect(await place.keys()).toEqual(['a', 'c']);
  });

  it('is refused where the dataset has no mirror, or another one than the backup names', async () => {
    await source.put('a', 'one');
    await mirror();
    const manifest = await backup();
    const elsewhere = datasetOf({ url: place.options('elsewhere').url });
    await expect(restore(manifest, {}, elsewhere)).rejects.toMatchObject({ code: 'config.invalid' });
    await expect(backup({ ...datasetOf(), mirror: undefined })).rejects.toMatchObject({ code: 'config.invalid' });
  });
});
