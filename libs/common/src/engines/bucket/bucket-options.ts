import { z } from 'zod';
import { parseDuration } from '#common/domain/duration.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { defineOptions } from '#common/engines/options.js';
import { AppError } from '#common/errors/app-error.js';
import { readBy } from '#common/errors/read-by.js';
import type { BucketDataset, BucketMirror, BucketTarget } from './bucket-dataset.js';
import { type BucketPlace, parseBucketUrl, toPlaceName } from './bucket-place.js';

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

const Duration = readBy(parseDuration);

const MirrorOptions = z.object({
  ...PlaceShape,
  url: BucketUrl.describe('The replica: another bucket, on a server of its own'),
  mode: z
    .enum(['copy', 'watch'])
    .default('copy')
    .describe('copy: Holdfast copies; watch: the server replicates by rules of its own, and Holdfast compares'),
  every: Duration.default('1m').describe('Between two comparisons of source and replica'),
  deleteAfter: Duration.default('7d').describe('For so long the replica keeps what the source lacks; `copy` only'),
  lagAfter: Duration.default('15m').describe('`archive.lagging` says so when the replica is behind for longer'),
});

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
    .describe(
      'Lets a backup of an empty bucket succeed although the one before held objects, and a mirror follow a bucket that lost most of its objects',
    ),
  mirror: MirrorOptions.optional().describe('A replica that follows the bucket all the time. Default: none'),
});

type PlaceOptions = z.output<z.ZodObject<typeof PlaceShape>>;

/** What holdfast.yaml says of a bucket to protect. */
export const bucketDataset = defineOptions(
  DatasetOptions,
  (common: ProtectedDataset, { tags, mayBeEmpty, mirror, ...options }): BucketDataset => ({
    ...{ ...common, place: toPlace(options), tags, mayBeEmpty },
    mirror: mirror && toMirror(mirror, toPlace(options)),
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

/** Throws: config.invalid where source and replica are one, or one lies within the other. */
function toMirror(o: z.output<typeof MirrorOptions>, source: BucketPlace): BucketMirror {
  const place = toPlace(o);
  const [one, other] = [`${toPlaceName(source)}/`, `${toPlaceName(place)}/`];
  if (one.startsWith(other) || other.startsWith(one))
    throw new AppError(
      'config.invalid',
      `the mirror ${toPlaceName(place)} and its source ${toPlaceName(source)} are one`,
    );
  const { mode, every, deleteAfter, lagAfter } = o;
  const [everyMs, deleteAfterMs, lagAfterMs] = [every, deleteAfter, lagAfter].map(parseDuration) as [
    number,
    number,
    number,
  ];
  return { place, mode, everyMs, deleteAfterMs, lagAfterMs };
}

function toPlace({ url, endpoint, region, forcePathStyle, accessKeyId, secretAccessKey }: PlaceOptions): BucketPlace {
  const keys =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  return { ...parseBucketUrl(url), endpoint, region, forcePathStyle, keys };
}
