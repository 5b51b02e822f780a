import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { InventoryEntry } from '#common/contracts/shared-ref.js';
import { openBackup } from '#common/operations/open-backup.js';
import { restoreBackup } from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { bucket } from './bucket.engine.js';
import { BucketFacts } from './facts.js';

const { signal } = new AbortController();

let source: BucketBed;
let place: BucketBed;
let bed: BackupTestBed;
beforeEach(async () => {
  [source, place, bed] = [await BucketBed.make(), await BucketBed.make(), await BackupTestBed.create()];
});
afterEach(async () => {
  await bed.remove();
  await source.dispose();
  await place.dispose();
});

function datasetOf(o: Readonly<Record<string, unknown>> = {}) {
  const common = { name: 'media', compression: { level: 1, threads: 1 } };
  return bucket.dataset.resolve(common, bucket.dataset.schema.parse({ ...source.options(), ...o }));
}

const backup = (o: Readonly<Record<string, unknown>> = {}): Promise<Manifest> =>
  takeBackup(bed.attempt(datasetOf(o), { method: 'snapshot' }), bed.depsOf(bucket), signal);

const factsOf = ({ facts }: Manifest): BucketFacts => BucketFacts.parse(facts);

interface Asked {
  readonly strategy?: string;
  readonly destination?: string;
  readonly parts?: readonly string[];
}

function restore(manifest: Manifest, o: Asked = {}) {
  const target = bucket.target.resolve({ name: 'standby' }, bucket.target.schema.parse(place.options()));
  const order = { strategy: 'new', destination: '/', ...o, target, identity: { runId: randomUUID(), attempt: 1 } };
  const deps = { repository: bed.repository, engine: bucket, workDirectory: bed.folder };
  return restoreBackup({ ...order, manifest } as Parameters<typeof restoreBackup>[0], deps as never, signal);
}

const digests = (contents: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(contents).map(([key, content]) => [key, createHash('sha256').update(content).digest('hex')]),
  );

async function inventoryOf(manifest: Manifest): Promise<InventoryEntry[]> {
  const opened = await openBackup(manifest, { repository: bed.repository, engine: bucket }, signal);
  const entries: InventoryEntry[] = [];
  for await (const entry of opened.inventory(signal)) entries.push(entry);
  return entries;
}

describe('snapshots of a bucket', () => {
  it('read what is new, keep what is not, and each gives back its own moment', async () => {
    const large = randomBytes(9 << 20);
    await source.put('a', 'one');
    await source.put('b/c', 'two');
    await source.put('large', large);
    const [first, was] = [await backup(), await source.contents()];
    await source.put('a', 'one changed');
    await source.put('d', 'two');
    await source.remove('b/c');
    const [second, is] = [await backup(), await source.contents()];
    expect([factsOf(first), factsOf(second)]).toMatchObject([
      { objects: 3, read: 3, gone: 0 },
      { objects: 3, read: 2, gone: 1 },
    ]);
    await restore(first, { destination: 'first' });
    await restore(second, { destination: 'second' });
    expect([await place.contents('first/'), await place.contents('second/')]).toEqual([was, is]);
    expect(await place.keys('.holdfast/')).toEqual([]);
  });

  it('give back what keys begin with, or one object, as of any backup, into a bucket that lives', async () => {
    await source.put('products/1', 'one');
    await source.put('products/2', 'two');
    await source.put('products*', 'a star');
    await source.put('other', 'not asked for');
    const first = await backup();
    await source.put('products/1', 'one, later');
    await backup();
    await place.put('products/2', 'broken');
    await place.put('products/9', 'came since');
    await place.put('other', 'what it is now');
    const one = await restore(first, { strategy: 'sync', parts: ['products/1', 'products\\*'] });
    expect(await place.contents()).toEqual(
      digests({
        'products/1': 'one',
        'products*': 'a star',
        'products/2': 'broken',
        'products/9': 'came since',
        other: 'what it is now',
      }),
    );
    expect(one.findings).toMatchObject({ extraObjects: [], removedObjects: [] });
    const below = await restore(first, { strategy: 'mirror', parts: ['products/*'] });
    expect(await place.contents()).toEqual(
      digests({ 'products/1': 'one', 'products*': 'a star', 'products/2': 'two', other: 'what it is now' }),
    );
    expect(below.findings).toMatchObject({ removedObjects: ['"products/9"'] });
  });

  it('of which one lacks what is asked for change nothing, and the error names it', async () => {
    await source.put('products/1', 'one');
    const manifest = await backup();
    const asked = restore(manifest, { strategy: 'mirror', parts: ['products/*', 'product/*'] });
    await expect(asked).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('"product/*"'),
    });
    expect(await place.keys()).toEqual([]);
  });

  it('keep how objects are served, and their tags, and a restore that finds them otherwise mends that', async () => {
    await source.put('page.html.gz', 'zipped', {
      ...{ ContentType: 'text/html; charset=utf-8', ContentEncoding: 'gzip', CacheControl: 'max-age=60' },
      ...{
        ContentDisposition: 'attachment; filename="p.html"',
        ContentLanguage: 'de',
        Expires: new Date('2030-01-02T03:04:05Z'),
      },
      ...{ Metadata: { owner: 'shop', 'x-y': '1 2' }, Tagging: 'kind=page&note=a%20b%2Bc' },
    });
    const [manifest, served] = [await backup(), await source.served('page.html.gz')];
    await restore(manifest);
    expect(await place.served('page.html.gz')).toEqual(served);
    await place.put('page.html.gz', 'zipped', { ContentType: 'text/plain' });
    await restore(manifest, { strategy: 'sync' });
    expect(await place.served('page.html.gz')).toEqual(served);
  });

  it('give back every key that the server can hold', async () => {
    const keys = [
      ...[
        '+',
        'a b',
        '%2F',
        '%',
        'line\nbreak',
        'cr\rx',
        'tab\t',
        '\u00e9',
        'e\u0301',
        '\u{1f600}',
        '\uff00',
        "'",
        '"<&>',
        '\\',
        '*',
      ],
      ...['a.d', 'a-b', 'a/c', 'a0', 'folder/', `${'x'.repeat(250)}/${'y'.repeat(250)}`, '.hidden', '__proto__', '-n'],
    ];
    for (const key of keys) await source.put(key, key.endsWith('/') ? '' : `content of ${key}`);
    const manifest = await backup();
    expect(manifest.counts['objects']).toBe(keys.length);
    await restore(manifest);
    expect(await place.contents()).toEqual(await source.contents());
  });

  it('are refused where the bucket is empty and was not, and are suspicious where it shrank', async () => {
    for (let number = 0; number < 12; number += 1) await source.put(`k${number}`, 'x');
    expect((await backup()).suspicious).toEqual([]);
    for (let number = 0; number < 8; number += 1) await source.remove(`k${number}`);
    expect((await backup()).suspicious).toEqual(['4 objects, where 12 are usual']);
    await source.destroy();
    await expect(backup()).rejects.toMatchObject({ code: 'bucket.empty' });
    expect(await backup({ mayBeEmpty: true })).toMatchObject({ counts: { objects: 0 } });
  });

  it('are of the newest version of each object where the bucket keeps versions, and know what was deleted', async () => {
    const { client, bucket: name } = source.bed;
    await source.put('kept', 'before versions');
    await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }));
    await source.put('a', 'one');
    await source.put('a', 'two');
    await source.put('deleted', 'gone');
    await source.remove('deleted');
    const manifest = await backup();
    expect(factsOf(manifest)).toMatchObject({ isVersioned: true, objects: 2 });
    expect(await inventoryOf(manifest)).toMatchObject([{ key: 'a', versionId: expect.any(String) }, { key: 'kept' }]);
    await restore(manifest);
    expect(await place.contents()).toEqual(await source.contents());
    expect(factsOf(await backup())).toMatchObject({ read: 0, objects: 2 });
  });

  it('leave what the backup lacks by sync, and say so, and remove it by mirror', async () => {
    await source.put('a', 'one');
    const manifest = await backup();
    await place.put('extra', 'left');
    await place.put('a', 'other');
    expect((await restore(manifest, { strategy: 'sync' })).findings).toMatchObject({ extraObjects: ['"extra"'] });
    expect(await place.keys()).toEqual(['a', 'extra']);
    expect((await restore(manifest, { strategy: 'mirror' })).findings).toMatchObject({ removedObjects: ['"extra"'] });
    expect(await place.contents()).toEqual(await source.contents());
  });
});
