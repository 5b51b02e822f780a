import { parseRepositoryUrl } from '#common/domain/repository-url.js';
import { AppError } from '#common/errors/app-error.js';

/** A bucket, or what lies below a prefix of it, and how to reach its server. */
export interface BucketPlace {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  /** Of an S3-compatible server; undefined: Amazon's. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly forcePathStyle: boolean;
  /** undefined: the machine's own identity, as the AWS SDK finds it. */
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/** What Holdfast keeps in a bucket that it restores to. No backup and no comparison sees it. */
export const CONTROL_PREFIX = '.holdfast/';

/** The whole of what the target's url names. */
export const WHOLE = '/';

/** `s3://bucket/prefix` → bucket and `prefix/`. Throws: config.invalid. */
export function parseBucketUrl(url: string): Pick<BucketPlace, 'bucket' | 'prefix'> {
  const place = parseRepositoryUrl(url, 'the url');
  if (place.storage === 's3') return { bucket: place.bucket, prefix: toFolder(place.prefix) };
  throw new AppError('config.invalid', 'the url must look like s3://bucket or s3://bucket/prefix');
}

const toFolder = (path: string): string => (path === '' ? '' : `${path}/`);

/** `a/b/`, `/a/b` → `a/b`; all of the bucket → `/`. Throws: request.invalid. */
export function toDestinationName(wanted: string): string {
  const path = wanted.replace(/^\/+|\/+$/g, '');
  const segments = path.split('/');
  if (path === '') return WHOLE;
  const isPlain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (isPlain && segments[0] !== CONTROL_PREFIX.slice(0, -1)) return path;
  throw new AppError('request.invalid', `"${wanted}" is no prefix to restore to: it has an empty, "." or own part`);
}

/** A destination of a target, which is one as `toDestinationName` writes it. */
export const placeOf = (target: BucketPlace, destination: string): BucketPlace => ({
  ...target,
  prefix: target.prefix + (destination === WHOLE ? '' : toFolder(destination)),
});

/** `s3.example:9000/media/products`: the same for the same place. */
export function toPlaceName({ endpoint = 'https://s3.amazonaws.com', bucket, prefix }: BucketPlace): string {
  const { host, pathname } = new URL(endpoint);
  return `${host}${pathname.replace(/\/+$/, '')}/${bucket}/${prefix}`.replace(/\/+$/, '');
}

/** For people: `s3://media/products/`. */
export const toPlaceText = ({ bucket, prefix }: Pick<BucketPlace, 'bucket' | 'prefix'>): string =>
  `s3://${bucket}/${prefix}`;
