import { CreateBucketCommand, DeleteObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { endpoints } from '#tools/services/endpoints.js';

/** Makes the bucket exist; empty, unless what is in it is kept. */
export async function prepareBucket(bucket: string, { keep }: { readonly keep: boolean }): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle } = endpoints.s3;
  const client = new S3Client({
    ...{ endpoint, region, forcePathStyle, credentials: { accessKeyId, secretAccessKey } },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket })).catch(ignoreOwned);
    if (!keep) await empty(client, bucket);
  } finally {
    client.destroy();
  }
}

async function empty(client: S3Client, bucket: string): Promise<void> {
  for (;;) {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    if (Contents.length === 0) return;
    for (const { Key } of Contents) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }
}

function ignoreOwned(error: Error): void {
  if (!['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'].includes(error.name)) throw error;
}
