import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
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

  open(changed: Partial<RepositoryOptions> = {}) {
    const url = `s3://${this.bucket}/some/prefix`;
    return openRepository({ name: 's3', url, endpoint, region, accessKeyId, secretAccessKey, ...changed });
  }

  async countUnfinished(): Promise<number> {
    const { Uploads = [] } = await this.client.send(new ListMultipartUploadsCommand({ Bucket: this.bucket }));
    return Uploads.length;
  }

  async dispose(): Promise<void> {
    for (;;) {
      const page = await this.client.send(new ListObjectVersionsCommand({ Bucket: this.bucket }));
      const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      if (found.length === 0) break;
      const Objects = found.map(({ Key, VersionId }) => ({ Key, VersionId }));
      await this.client.send(
        new DeleteObjectsCommand({ Bucket: this.bucket, Delete: { Objects }, BypassGovernanceRetention: true }),
      );
    }
    await this.client.send(new DeleteBucketCommand({ Bucket: this.bucket }));
    this.client.destroy();
  }
}
