import { parseRepositoryUrl } from '#common/domain/repository-url.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, RepositoryEncryption, RepositoryLock } from './backup-repository.js';
import { FileRepository } from './file-repository.js';
import { S3Connection, type S3Keys } from './s3/connection.js';
import { type PartLimits, toPartPlan } from './s3/parts.js';
import { S3Repository } from './s3/s3-repository.js';

export interface RepositoryOptions extends PartLimits {
  readonly name: string;
  /** `s3://bucket/prefix` or `file:///absolute/path`, as `parseRepositoryUrl` reads them. */
  readonly url: string;
  /** Of an S3-compatible server; default: Amazon's. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Without a pair of keys the machine's own identity is used, as the AWS SDK finds it. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  /** Of what deletes: sweeps, retention, `backup delete`. Without it the first pair of keys deletes as well, where the storage lets it. */
  readonly delete?: S3Keys | undefined;
  readonly lock?: RepositoryLock | undefined;
  readonly forcePathStyle?: boolean | undefined;
  readonly encryption?: RepositoryEncryption | undefined;
}

/** Opens no connection yet. Throws: config.invalid; no message repeats a key. */
export function openRepository(options: RepositoryOptions): BackupRepository {
  const { name } = options;
  const place = parseRepositoryUrl(options.url, `the url of repository ${name}`);
  return place.storage === 'file' ? new FileRepository(name, place.root, options.encryption) : openS3(options, place);
}

function openS3(options: RepositoryOptions, { bucket, prefix }: { bucket: string; prefix: string }): S3Repository {
  const { name, endpoint, region = 'us-east-1', accessKeyId, secretAccessKey, forcePathStyle = true } = options;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new AppError(
      'config.invalid',
      `repository ${name} has one of accessKeyId and secretAccessKey without the other`,
    );
  }
  const place = { bucket, endpoint, region, forcePathStyle, parts: toPartPlan(options) };
  const keys =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  const { delete: deleteKeys, encryption, lock } = options;
  const deleting = deleteKeys && new S3Connection({ ...place, keys: deleteKeys });
  return new S3Repository(name, new S3Connection({ ...place, keys }), { prefix, deleting, encryption, lock });
}
