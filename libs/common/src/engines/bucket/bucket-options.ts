import { z } from 'zod';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { defineOptions } from '#common/engines/options.js';
import { readBy } from '#common/errors/read-by.js';
import type { BucketDataset, BucketTarget } from './bucket-dataset.js';
import { type BucketPlace, parseBucketUrl } from './bucket-place.js';

const BucketUrl = readBy(parseBucketUrl)
  .meta({ pattern: '^s3://' })
  .describe('s3://bucket, or s3://bucket/prefix for what lies below the prefix; every letter stands for itself');

const PlaceShape = {
  url: BucketUrl,
  endpoint: z.url().optional().describe('Of an S3-compatible server; default: Amazon’s'),
  region: z.string().default('us-east-1'),
  accessKeyId: z.string().optional().describe('Without keys the identity of the machine is used'),
  secretAccessKey: z.string().optional().describe('By an env or file reference'),
  forcePathStyle: z.boolean().default(true),
};

const DatasetOptions = z.object({
  ...PlaceShape,
  tags: z
    .enum(['with-content', 'all', 'none'])
    .default('with-content')
    .describe(
      'with-content: read when the content is, since a server does not tell of changed tags; all: of every object in each backup, a request for each; none: not kept',
    ),
  mayBeEmpty: z
    .boolean()
    .default(false)
    .describe('Lets a backup of an empty bucket succeed although the one before held objects'),
});

type PlaceOptions = z.output<z.ZodObject<typeof PlaceShape>>;

/** What holdfast.yaml says of a bucket to protect. */
export const bucketDataset = defineOptions(
  DatasetOptions,
  (common: ProtectedDataset, { tags, mayBeEmpty, ...options }): BucketDataset => ({
    ...{ ...common, place: toPlace(options), tags, mayBeEmpty },
  }),
);

/** What holdfast.yaml says of a bucket to restore to. */
export const bucketTarget = defineOptions(
  z.object({
    ...PlaceShape,
    url: BucketUrl.describe('s3://bucket, or s3://bucket/prefix below which all destinations lie'),
  }),
  ({ name }: RestoreTarget, options): BucketTarget => ({ name, place: toPlace(options) }),
);

function toPlace({ url, endpoint, region, forcePathStyle, accessKeyId, secretAccessKey }: PlaceOptions): BucketPlace {
  const keys =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  return { ...parseBucketUrl(url), endpoint, region, forcePathStyle, keys };
}
