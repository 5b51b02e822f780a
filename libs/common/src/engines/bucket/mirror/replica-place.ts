import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import { toPlaceName } from '#common/engines/bucket/bucket-place.js';
import type { BucketFacts } from '#common/engines/bucket/facts.js';
import { AppError } from '#common/errors/app-error.js';

const hint =
  'Give the dataset the `mirror` in whose replica the content lies; docs/how-to/back-up-a-bucket.md shows it.';

/** Throws: config.invalid. */
export function mirrorOf({ name, mirror }: Pick<BucketDataset, 'name' | 'mirror'>): BucketMirror {
  if (mirror !== undefined) return mirror;
  throw new AppError('config.invalid', `dataset "${name}" has no mirror`, {}, { hint });
}

/** Where the content of a backup by method `replica` lies, with the keys of the configuration. Throws: config.invalid where that names another place. */
export function replicaOf(dataset: Pick<BucketDataset, 'name' | 'mirror'>, { replica }: BucketFacts): BucketMirror {
  const mirror = mirrorOf(dataset);
  const { bucket, prefix } = mirror.place;
  const server = toPlaceName({ ...mirror.place, bucket: '', prefix: '' });
  if (replica?.bucket === bucket && replica.prefix === prefix && replica.server === server) return mirror;
  const there = replica === undefined ? 'no replica' : `s3://${replica.bucket}/${replica.prefix} at ${replica.server}`;
  const said = `the content of the backup lies in ${there}, and the mirror of "${dataset.name}" is another place`;
  throw new AppError('config.invalid', said, {}, { hint });
}
