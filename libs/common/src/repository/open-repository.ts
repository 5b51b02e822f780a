import { fileURLToPath } from 'node:url';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from './backup-repository.js';
import { FileRepository } from './file-repository.js';
import { S3Connection } from './s3-connection.js';
import { S3Repository } from './s3-repository.js';

export interface RepositoryOptions {
  readonly name: string;
  /** `s3://bucket/prefix` or `file:///absolute/path`. */
  readonly url: string;
  /** Of an S3-compatible store; default: Amazon's. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Without a pair of keys the machine's own identity is used, as the AWS SDK finds it. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
}

/** Opens no connection yet. Throws: config.invalid; no message repeats a key. */
export function openRepository(options: RepositoryOptions): BackupRepository {
  const { name } = options;
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (url?.protocol === 'file:' && url.hostname === '' && url.pathname.length > 1) {
    return new FileRepository(name, fileURLToPath(url).replace(/\/+$/, ''));
  }
  if (url?.protocol === 's3:' && url.hostname !== '') return openS3(options, url);
  throw new AppError(
    'config.invalid',
    `the url of repository ${name} must look like s3://bucket/prefix or file:///absolute/path`,
  );
}

function openS3(options: RepositoryOptions, url: URL): S3Repository {
  const { name, endpoint, region = 'us-east-1', accessKeyId, secretAccessKey, forcePathStyle = true } = options;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new AppError(
      'config.invalid',
      `repository ${name} has one of accessKeyId and secretAccessKey without the other`,
    );
  }
  const bucket = url.hostname;
  const connection = new S3Connection({
    bucket,
    endpoint,
    region,
    forcePathStyle,
    keys: accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey },
  });
  return new S3Repository(name, connection, decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, ''));
}
