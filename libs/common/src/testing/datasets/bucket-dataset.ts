import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bucket } from '#common/engines/bucket/bucket.engine.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';

const toText = (contents: Readonly<Record<string, string>>): string =>
  Object.entries(contents)
    .map(([key, sha256]) => `${JSON.stringify(key)} ${sha256}`)
    .sort()
    .join('\n');

async function readByHand(folder: string): Promise<string> {
  const lines = (await readFile(join(folder, 'objects.list'), 'utf8')).trim().split('\n');
  const found: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    const key = Buffer.from(line.split(',')[0] ?? '', 'base64').toString('utf8');
    const bytes = await readFile(join(folder, 'restored', String(index + 1)));
    found[key] = createHash('sha256').update(bytes).digest('hex');
  }
  return toText(found);
}

/** A source, and a bucket whose prefixes are the destinations. */
export async function startBucketDataset(): Promise<DatasetFixture> {
  const [source, place] = [await BucketBed.make(), await BucketBed.make()];
  let destinations = 0;
  return {
    engine: bucket,
    dataset: source.options('media'),
    target: place.options(),
    method: 'snapshot',
    replacing: 'mirror',
    probes: ['checksums', 'inventory'],
    unfit: [
      { what: 'a bucket that is not there', dataset: { url: 's3://no-such-bucket-here' }, code: 'bucket.missing' },
      { what: 'a wrong password', dataset: { secretAccessKey: 'wrong' }, code: 'bucket.denied' },
      { what: 'an unknown user', dataset: { accessKeyId: 'nobody' }, code: 'bucket.denied' },
      { what: 'no server', dataset: { endpoint: 'http://127.0.0.1:9' }, code: 'bucket.unreachable' },
      { what: 'an empty place that was full', dataset: source.options('nothing/here'), code: 'bucket.empty' },
    ],
    write: async (destination) => {
      const name = randomUUID();
      const to = destination === undefined ? source : place;
      await to.put(`${destination ?? 'media'}/${name.slice(0, 2)}/${name}`, `content of ${name}`);
    },
    read: async (destination) => {
      const found =
        destination === undefined ? await source.contents('media/') : await place.contents(`${destination}/`);
      return destination !== undefined && Object.keys(found).length === 0 ? null : toText(found);
    },
    destroy: () => source.destroy(),
    newDestination: () => {
      destinations += 1;
      return `restored-${destinations}`;
    },
    leftovers: async () => [
      ...(await place.keys('.holdfast/')),
      ...(await source.keys()).filter((key) => !key.startsWith('media/')),
      ...Array.from({ length: await place.bed.countUnfinished() }, () => 'an upload without its end'),
    ],
    clear: () => place.destroy(),
    byHand: { environment: { PATH: '/usr/bin:/bin' }, read: readByHand },
    close: async () => {
      await source.dispose();
      await place.dispose();
    },
  };
}
