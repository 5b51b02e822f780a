import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BucketDataset } from '#common/engines/bucket/bucket-dataset.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { startS3Proxy } from '#common/testing/s3-proxy.js';
import { endpoints } from '#tools/services/endpoints.js';
import { bucket } from '../bucket.engine.js';
import { findDifferences } from './differences.js';
import { type MirrorRound, mirrorOnce } from './mirror-round.js';

const { signal } = new AbortController();
const DAY_MS = 86_400_000;
let now: Date;
let source: BucketBed;
let replica: BucketBed;
beforeEach(async () => {
  now = new Date('2026-03-01T12:00:00Z');
  [source, replica] = [await BucketBed.make(), await BucketBed.make()];
});
afterEach(async () => {
  await source.dispose();
  await replica.dispose();
});

type Options = Readonly<Record<string, unknown>>;

function datasetOf({ mirror, ...o }: Options & { readonly mirror?: Options } = {}) {
  const common = { name: 'media', compression: { level: 1, threads: 1 } };
  const said = { ...source.options(), ...o, mirror: { ...replica.options(), deleteAfter: '2d', ...mirror } };
  return bucket.dataset.resolve(common, bucket.dataset.schema.parse(said)) as Parameters<typeof mirrorOnce>[0];
}

const round = (dataset: BucketDataset = datasetOf()): Promise<MirrorRound> =>
  mirrorOnce(dataset as Parameters<typeof mirrorOnce>[0], { signal, now: () => now });

const later = (days: number): void => {
  now = new Date(now.getTime() + days * DAY_MS);
};

describe('a mirror', () => {
  it('copies what is new or changed, as it is served, and nothing twice', async () => {
    await source.put('page', 'text', { ContentType: 'text/html', Metadata: { owner: 'shop' }, Tagging: 'kind=page' });
    await source.put('large', randomBytes(9 << 20));
    for (const key of ['wie ü + %2F', 'line\u2028break', 'a b', 'Ω', '\u{1F600}']) await source.put(key, key);
    expect(await round()).toMatchObject({ objects: 7, copied: 7, behindBytes: 0, shrunk: undefined });
    expect(await replica.contents()).toEqual(await source.contents());
    expect(await replica.served('page')).toEqual(await source.served('page'));
    expect(await round()).toMatchObject({ objects: 7, copied: 0 });
    // Of the same bytes only the time differs, and a listing tells it in seconds.
    await sleep(1_100);
    await source.put('page', 'text', { ContentType: 'text/plain' });
    await source.put('new', 'object');
    expect(await round()).toMatchObject({ objects: 8, copied: 2, copiedBytes: 10 });
    expect(await replica.served('page')).toEqual(await source.served('page'));
  });

  it('follows deletions after the grace time, and not when an object came back meanwhile', async () => {
    for (const key of ['a', 'b', 'c']) await source.put(key, key);
    await round();
    await source.remove('a');
    await source.remove('b');
    expect(await round()).toMatchObject({ objects: 1, removed: 0, waiting: 2 });
    later(1);
    await source.put('b', 'back');
    expect(await round()).toMatchObject({ removed: 0, waiting: 1 });
    later(1);
    expect(await round()).toMatchObject({ removed: 1, waiting: 0 });
    expect(await replica.contents()).toEqual(await source.contents());
  });

  it('leaves what it did not write', async () => {
    await source.put('a', 'a');
    await replica.put('theirs', 'of another program');
    await round();
    later(5);
    expect(await round()).toMatchObject({ foreign: 1, removed: 0 });
    expect(await replica.keys()).toContain('theirs');
  });

  it.each([0, 4])(
    'removes nothing, ever, where %i of twelve objects are left, and goes on when that is right',
    async (left) => {
      for (let n = 0; n < 12; n += 1) await source.put(`object-${n}`, 'text');
      await round();
      const whole = await replica.contents();
      for (let n = left; n < 12; n += 1) await source.remove(`object-${n}`);
      for (const _ of [1, 2, 3]) {
        expect((await round()).shrunk).toMatchObject({ code: 'mirror.shrunk' });
        later(5);
      }
      expect(await replica.contents()).toEqual(whole);
      const right = datasetOf({ mayBeEmpty: true });
      expect(await round(right)).toMatchObject({ shrunk: undefined, removed: 0, waiting: 12 - left });
      later(3);
      expect(await round(right)).toMatchObject({ removed: 12 - left });
      expect(await replica.contents()).toEqual(await source.contents());
    },
  );

  it('removes nothing where the source is gone, or its listing breaks off after the first page', async () => {
    for (let n = 0; n < 4; n += 1) await source.put(`object-${n}`, 'text');
    await round();
    await source.remove('object-0');
    await round();
    later(5);
    const whole = await replica.contents();
    let pages = 0;
    const proxy = await startS3Proxy(
      { host: '127.0.0.1', port: Number(new URL(endpoints.s3.endpoint).port) },
      {
        answer: ({ url = '', method }) => {
          const isListing = method === 'GET' && /[?&]list-type=2|[?&]versions/.test(url);
          if (!isListing || !url.includes(source.bed.bucket)) return undefined;
          pages += 1;
          return { status: 200, body: '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>' };
        },
      },
    );
    try {
      await expect(round(datasetOf({ endpoint: proxy.endpoint }))).rejects.toMatchObject({ code: 'bucket.protocol' });
    } finally {
      await proxy.stop();
    }
    expect(pages).toBeGreaterThan(0);
    await source.destroy();
    await source.bed.client.send(new DeleteBucketCommand({ Bucket: source.bed.bucket }));
    await expect(round()).rejects.toMatchObject({ code: 'bucket.missing' });
    expect(await replica.contents()).toEqual(whole);
    source = await BucketBed.make();
  });

  it('goes on where an earlier round died, knows what is there after its index is lost, and mends what others changed', async () => {
    for (let n = 0; n < 40; n += 1) await source.put(`object-${String(n).padStart(2, '0')}`, `text ${n}`);
    const stop = new AbortController();
    let seen = 0;
    const onBehind = (): void => {
      seen += 1;
      if (seen === 60) stop.abort(new Error('killed'));
    };
    await expect(mirrorOnce(datasetOf(), { signal: stop.signal, now: () => now, onBehind })).rejects.toThrow('killed');
    const second = await round();
    expect(second.copied).toBeLessThan(40);
    expect(await replica.contents()).toEqual(await source.contents());
    for (const key of await replica.keys('.holdfast/')) await replica.remove(key);
    expect(await round()).toMatchObject({ copied: 0, behindBytes: 0 });
    await replica.put('object-07', 'by another hand');
    await replica.remove('object-08');
    expect(await round()).toMatchObject({ copied: 2 });
    expect(await replica.contents()).toEqual(await source.contents());
  });

  it('reads each object by its version where the source keeps versions', async () => {
    const input = { Bucket: source.bed.bucket, VersioningConfiguration: { Status: 'Enabled' as const } };
    await source.bed.client.send(new PutBucketVersioningCommand(input));
    await source.put('a', 'one');
    await source.put('a', 'two');
    await source.put('gone', 'x');
    await source.remove('gone');
    expect(await round()).toMatchObject({ objects: 1, copied: 1 });
    expect(await replica.contents()).toEqual(await source.contents());
    expect(await round()).toMatchObject({ copied: 0 });
  });

  it('is measured from outside by what source and replica list', async () => {
    await source.put('a', 'one');
    await source.put('b', 'two');
    await round();
    await source.put('b', 'two, later');
    await source.put('c', 'three');
    await replica.put('d', 'four');
    expect(await findDifferences(datasetOf(), { signal, now: () => now })).toMatchObject({
      ...{ objects: 3, behindBytes: 15, missing: { count: 1, keys: ['c'] }, different: { count: 1, keys: ['b'] } },
      ...{ extra: { count: 1, keys: ['d'] }, behindSince: expect.any(String) },
    });
  });

  it('cannot be its own source', () => {
    const { url } = source.options();
    expect(() => datasetOf({ mirror: { url: `${url}below` } })).toThrow(/are one/);
  });
});
