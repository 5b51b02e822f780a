import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { openRepository, type RepositoryOptions } from '#common/repository/open-repository.js';
import { endpoints } from '#tools/services/endpoints.js';

const { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle } = endpoints.s3;

/** A bucket of its own on the S3 service, gone with everything in it after `dispose`. */
export class S3Bed {
  readonly client = new S3Client({
    endpoint,
    region,
    forcePathStyle,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });

  private constructor(readonly bucket: string) {}

  static async make(o: { readonly objectLock?: boolean } = {}): Promise<S3Bed> {
    const bed = new S3Bed(`spec-${randomUUID()}`);
    const lock = o.objectLock ? { ObjectLockEnabledForBucket: true } : {};
    await bed.client.send(new CreateBucketCommand({ Bucket: bed.bucket, ...lock }));
    return bed;
  }

  /** The bucket of that name, made where it is missing. */
  static async named(bucket: string): Promise<S3Bed> {
    const bed = new S3Bed(bucket);
    await bed.client.send(new CreateBucketCommand({ Bucket: bucket })).catch((error: Error) => {
      if (!['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'].includes(error.name)) throw error;
    });
    return bed;
  }

  get url(): string {
    return `s3://${this.bucket}/some/prefix`;
  }

  open(changed: Partial<RepositoryOptions> = {}) {
    return openRepository({ name: 's3', url: this.url, endpoint, region, accessKeyId, secretAccessKey, ...changed });
  }

  /** Everything that takes space: versions and delete markers, `repository.json` and `repository.json (marker)`. */
  async listVersions(): Promise<string[]> {
    const page = await this.client.send(new ListObjectVersionsCommand({ Bucket: this.bucket }));
    const keyOf = (key = ''): string => key.slice('some/prefix/'.length);
    const versions = (page.Versions ?? []).map(({ Key }) => keyOf(Key));
    return [...versions, ...(page.DeleteMarkers ?? []).map(({ Key }) => `${keyOf(Key)} (marker)`)].sort();
  }

  /** Ids of what is no delete marker, the newest first. */
  async versionsOf(key: string): Promise<string[]> {
    const input = { Bucket: this.bucket, Prefix: `some/prefix/${key}` };
    const { Versions = [] } = await this.client.send(new ListObjectVersionsCommand(input));
    return Versions.map(({ VersionId = '' }) => VersionId);
  }

  /** An object that only its versions show, as one is that was removed without a version. */
  async hide(key: string): Promise<void> {
    const place = { Bucket: this.bucket, Key: `some/prefix/${key}` };
    await this.client.send(new PutObjectCommand({ ...place, Body: 'hidden' }));
    await this.client.send(new DeleteObjectCommand(place));
  }

  async countUnfinished(): Promise<number> {
    const { Uploads = [] } = await this.client.send(new ListMultipartUploadsCommand({ Bucket: this.bucket }));
    return Uploads.length;
  }

  /** Removes every version of everything in it. */
  async empty(): Promise<void> {
    for (;;) {
      const page = await this.client.send(new ListObjectVersionsCommand({ Bucket: this.bucket }));
      const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      if (found.length === 0) return;
      const Objects = found.map(({ Key, VersionId }) => ({ Key, VersionId }));
      await this.client.send(
        new DeleteObjectsCommand({ Bucket: this.bucket, Delete: { Objects }, BypassGovernanceRetention: true }),
      );
    }
  }

  close(): void {
    this.client.destroy();
  }

  async dispose(): Promise<void> {
    await this.empty();
    await this.client.send(new DeleteBucketCommand({ Bucket: this.bucket }));
    this.close();
  }
}
