import { PutObjectTaggingCommand } from '@aws-sdk/client-s3';
import { bucket } from '#common/engines/bucket/bucket.engine.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { type DamageFixture, defineDamages } from './damage-bed.js';
import type { SeededDamage } from './seeded-damage.js';

/** A restored prefix. */
interface Media {
  readonly bucket: BucketBed;
  readonly prefix: string;
}

const PICTURE = { ContentType: 'image/png', CacheControl: 'max-age=60', Metadata: { photographer: 'Ada' } };

const DAMAGES: readonly SeededDamage<Media>[] = [
  {
    name: 'an object is missing',
    use: 'inventory',
    does: ({ bucket: place, prefix }) => place.remove(`${prefix}/a.png`),
    found: '"a.png": is missing',
  },
  {
    name: 'an object that a row refers to is missing',
    use: 'media',
    does: ({ bucket: place, prefix }) => place.remove(`${prefix}/b.png`),
    found: '"b.png": is referred to, and missing',
  },
  {
    name: 'an object holds other bytes',
    use: 'inventory',
    does: ({ bucket: place, prefix }) =>
      place.put(`${prefix}/a.png`, 'another a.png of as many bytes'.slice(0, 16), PICTURE),
    found: '"a.png": has another content',
  },
  {
    name: 'an object ends early',
    use: 'inventory',
    does: ({ bucket: place, prefix }) => place.put(`${prefix}/a.png`, 'content', PICTURE),
    found: '"a.png": has another size',
  },
  {
    name: 'an object is served as another type',
    use: 'inventory',
    does: ({ bucket: place, prefix }) =>
      place.put(`${prefix}/a.png`, 'content of a.png', { ...PICTURE, ContentType: 'text/plain' }),
    found: '"a.png": is served with other headers or metadata',
  },
  {
    name: 'an object has lost its metadata',
    use: 'inventory',
    does: ({ bucket: place, prefix }) => place.put(`${prefix}/a.png`, 'content of a.png', { ...PICTURE, Metadata: {} }),
    found: '"a.png": is served with other headers or metadata',
  },
  {
    name: 'an object has other tags',
    use: 'inventory',
    does: ({ bucket: place, prefix }) =>
      place.bed.client.send(
        new PutObjectTaggingCommand({
          Bucket: place.bed.bucket,
          Key: `${prefix}/a.png`,
          Tagging: { TagSet: [{ Key: 'licence', Value: 'none' }] },
        }),
      ),
    found: '"a.png": has other tags',
  },
  {
    name: 'an object was made since',
    use: 'inventory',
    does: ({ bucket: place, prefix }) => place.put(`${prefix}/new.png`, 'new'),
    found: '"new.png": is not in the backup',
  },
];

/** Pictures, and a table that refers to them. */
export const bucketDamages = defineDamages('bucket', DAMAGES, async (): Promise<DamageFixture<Media>> => {
  const [source, place] = [await BucketBed.make(), await BucketBed.make()];
  const database = await ScratchDatabase.create(
    'postgres18',
    'CREATE TABLE pictures (key text)',
    `INSERT INTO pictures VALUES ('a.png'), ('b.png')`,
  );
  for (const key of ['a.png', 'b.png', 'of-nobody.png'])
    await source.put(`media/${key}`, `content of ${key}`, { ...PICTURE, Tagging: 'licence=free' });
  let made = 0;
  const { user, password = '', host, port } = database.connection;
  return {
    engine: bucket,
    dataset: source.options('media'),
    target: place.options(),
    method: 'snapshot',
    newDestination: () => {
      made += 1;
      return `restored-${made}`;
    },
    open: (prefix) => ({ bucket: place, prefix }),
    names: () => ({}),
    params: (use) =>
      use === 'media'
        ? { url: `postgres://${user}:${password}@${host}:${port}/${database.name}`, query: 'SELECT key FROM pictures' }
        : {},
    close: async () => {
      await source.dispose();
      await place.dispose();
      await database.drop();
    },
  };
});
