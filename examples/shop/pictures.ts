import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchBucket,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type pg from 'pg';
import type { ShopConfig } from './config.js';
import { drawPicture } from './draw-picture.js';

const PAGE = 64;

/** What a product's row says of its picture. */
export type Pictured = { id: string; name: string; picture: string };

/** The key that the product's row keeps. */
export const toPictureKey = (productId: string): string => `${productId}.svg`;

/** The pictures of the products, one object each, in a bucket. */
export class Pictures {
  private readonly client: S3Client;
  private readonly place: { Bucket: string };

  constructor({ media }: Pick<ShopConfig, 'media'>) {
    const { endpoint, accessKeyId, secretAccessKey, bucket } = media;
    const credentials = { accessKeyId, secretAccessKey };
    this.client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    this.place = { Bucket: bucket };
  }

  async createBucket(): Promise<void> {
    await this.client.send(new CreateBucketCommand(this.place)).catch((error: Error) => {
      if (!['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'].includes(error.name)) throw error;
    });
  }

  async put(product: Pictured): Promise<void> {
    const object = { ...this.place, Key: product.picture, Body: drawPicture(product) };
    await this.client.send(
      new PutObjectCommand({ ...object, ContentType: 'image/svg+xml', CacheControl: 'max-age=3600' }),
    );
  }

  /** Undefined: there is none. */
  async find(key: string): Promise<{ contentType: string; bytes: Uint8Array } | undefined> {
    try {
      const { Body, ContentType } = await this.client.send(new GetObjectCommand({ ...this.place, Key: key }));
      if (Body === undefined) return undefined;
      return { contentType: ContentType ?? 'application/octet-stream', bytes: await Body.transformToByteArray() };
    } catch (error) {
      if (error instanceof NoSuchKey || error instanceof NoSuchBucket) return undefined;
      throw error;
    }
  }

  /** Draws and stores the picture of every product. `client` must not be bound by row-level security. Returns how many. */
  async putAll(client: pg.Client): Promise<number> {
    const { rows } = await client.query<Pictured>('SELECT id, name, picture FROM products');
    for (let start = 0; start < rows.length; start += PAGE)
      await Promise.all(rows.slice(start, start + PAGE).map((product) => this.put(product)));
    return rows.length;
  }

  /** Removes every object, and leaves the bucket. Returns how many. */
  async empty(): Promise<number> {
    for (let removed = 0; ; ) {
      const { Contents = [] } = await this.client.send(new ListObjectsV2Command(this.place));
      if (Contents.length === 0) return removed;
      const Objects = Contents.map(({ Key }) => ({ Key }));
      await this.client.send(new DeleteObjectsCommand({ ...this.place, Delete: { Objects, Quiet: true } }));
      removed += Objects.length;
    }
  }

  /** Leaves neither objects nor bucket. Repeatable. */
  async drop(): Promise<void> {
    try {
      await this.empty();
      await this.client.send(new DeleteBucketCommand(this.place));
    } catch (error) {
      if (!(error instanceof NoSuchBucket)) throw error;
    }
  }

  close(): void {
    this.client.destroy();
  }
}
