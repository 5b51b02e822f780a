import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { endpoints } from '#tools/services/endpoints.js';
import { S3Bed } from './s3-bed.js';

/** A bucket as an application uses it, behind the engine's back. */
export class BucketBed {
  private constructor(readonly bed: S3Bed) {}

  static async make(): Promise<BucketBed> {
    return new BucketBed(await S3Bed.make());
  }

  /** The bucket of that name, made where it is missing. */
  static async named(bucket: string): Promise<BucketBed> {
    return new BucketBed(await S3Bed.named(bucket));
  }

  /** As holdfast.yaml says it. */
  options(prefix = ''): { readonly url: string; readonly [option: string]: unknown } {
    const { endpoint, region, accessKeyId, secretAccessKey } = endpoints.s3;
    return { url: `s3://${this.bed.bucket}/${prefix}`, endpoint, region, accessKeyId, secretAccessKey };
  }

  async put(key: string, body: string | Uint8Array, o: Partial<PutObjectCommandInput> = {}): Promise<void> {
    await this.bed.client.send(new PutObjectCommand({ Bucket: this.bed.bucket, Key: key, Body: body, ...o }));
  }

  /** Also of an object that is gone already: some servers answer that it is missing. */
  async remove(key: string): Promise<void> {
    const removal = this.bed.client.send(new DeleteObjectCommand({ Bucket: this.bed.bucket, Key: key }));
    await removal.catch((error: Error) => {
      if (error.name !== 'NoSuchKey') throw error;
    });
  }

  async keys(prefix = ''): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const input = { Bucket: this.bed.bucket, Prefix: prefix, ContinuationToken: token };
      const page = await this.bed.client.send(new ListObjectsV2Command(input));
      keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  }

  /** Below a prefix, without what Holdfast keeps for itself: key behind the prefix → digest of the content. */
  async contents(prefix = ''): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const key of await this.keys(prefix)) {
      if (key.startsWith('.holdfast/')) continue;
      const { Body } = await this.bed.client.send(new GetObjectCommand({ Bucket: this.bed.bucket, Key: key }));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      found[key.slice(prefix.length)] = createHash('sha256').update(bytes).digest('hex');
    }
    return found;
  }

  /** How one object is served, and its tags. */
  async served(key: string): Promise<Record<string, unknown>> {
    const input = { Bucket: this.bed.bucket, Key: key };
    const { Body, ...answer } = await this.bed.client.send(new GetObjectCommand(input));
    (Body as unknown as { destroy(): void }).destroy();
    const { TagSet = [] } = await this.bed.client.send(new GetObjectTaggingCommand(input));
    const { ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, Metadata } = answer;
    const { ExpiresString } = answer;
    return {
      ...{ ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, Metadata, ExpiresString },
      // A server gives them in any order.
      TagSet: TagSet.sort((a, b) => (a.Key ?? '').localeCompare(b.Key ?? '')),
    };
  }

  async destroy(): Promise<void> {
    for (const key of await this.keys()) await this.remove(key);
  }

  dispose(): Promise<void> {
    return this.bed.dispose();
  }
}
