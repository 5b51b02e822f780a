import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { destroyOnAbort } from '#common/repository/destroy-on-abort.js';
import { S3Connection } from '#common/repository/s3/connection.js';
import { S3ObjectStream } from '#common/repository/s3/object-stream.js';
import { CLEANUP_MS, unquote } from '#common/repository/s3/objects.js';
import { toPartPlan } from '#common/repository/s3/parts.js';
import { putObject } from '#common/repository/s3/put.js';
import { hasConditionalPut, hasVersioning } from '#common/repository/s3/traits.js';
import type { ObjectHeaders as ServerHeaders } from '#common/repository/s3/upload.js';
import { isCode, toBucketError } from './bucket-errors.js';
import { type BucketPlace, CONTROL_PREFIX } from './bucket-place.js';
import type { ObjectHeaders } from './entry.js';

/** An object as the server answers for it. */
export interface FoundObject extends ObjectHeaders {
  readonly etag: string;
  readonly size: number;
  readonly modifiedAt: Date;
  readonly versionId: string | undefined;
  readonly storageClass: string | undefined;
  readonly tagCount: number;
  /** Metadata that the server keeps and cannot send in headers. */
  readonly missingMetadata: number;
}

/** Of which content: what was replaced meanwhile is refused. */
export interface Version {
  readonly etag?: string | undefined;
  readonly versionId?: string | undefined;
}

/** The objects of one bucket by their whole keys. Each method throws bucket.*, and the abort reason. */
export class BucketClient {
  readonly bucket: string;
  private readonly connection: S3Connection;

  constructor({ bucket, endpoint, region, forcePathStyle, keys }: BucketPlace) {
    this.bucket = bucket;
    this.connection = new S3Connection({ bucket, endpoint, region, forcePathStyle, keys, parts: toPartPlan({}) });
  }

  /** `call` may run several times; `what` names the request in errors. */
  async request<T>(
    what: string,
    signal: AbortSignal,
    call: (client: S3Client, o: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return this.translated(this.connection.request(what, signal, call));
  }

  /** Whether it keeps versions; null: these keys may not ask. */
  hasVersioning(signal: AbortSignal): Promise<boolean | null> {
    return this.translated(hasVersioning(this.connection, signal));
  }

  /** Of exactly one version, also where the connection broke and was taken up again. Throws: bucket.changed when it is another one, or gone. */
  async get(
    key: string,
    version: Version,
    signal: AbortSignal,
  ): Promise<{ readonly object: FoundObject; readonly body: Readable }> {
    const open = async (of: Version, offset: number) => {
      const input = {
        ...{ Bucket: this.bucket, Key: key, Range: offset === 0 ? undefined : `bytes=${offset}-` },
        ...(of.versionId === undefined ? { IfMatch: quote(of.etag) } : { VersionId: of.versionId }),
      };
      const answer = await this.request(`read ${key}`, signal, (client, o) =>
        client.send(new GetObjectCommand(input), o),
      );
      const sizeBytes = offset + (answer.ContentLength ?? 0);
      return { answer, body: answer.Body as Readable, etag: unquote(answer.ETag), sizeBytes };
    };
    const first = await open(version, 0);
    const object = toFound(first.answer);
    const exact = { etag: first.etag, versionId: version.versionId };
    const stream = new S3ObjectStream(key, first, (offset) => open(exact, offset));
    return { object, body: destroyOnAbort(stream, signal) };
  }

  /** Undefined: there is none. */
  async head(key: string, signal: AbortSignal, versionId?: string): Promise<FoundObject | undefined> {
    const input = { Bucket: this.bucket, Key: key, VersionId: versionId };
    try {
      return toFound(
        await this.request(`look at ${key}`, signal, (client, o) => client.send(new HeadObjectCommand(input), o)),
      );
    } catch (error) {
      if (isCode(error, 'bucket.changed')) return undefined;
      throw error;
    }
  }

  async tags(key: string, versionId: string | undefined, signal: AbortSignal): Promise<Record<string, string>> {
    const input = { Bucket: this.bucket, Key: key, VersionId: versionId };
    const { TagSet = [] } = await this.request(`read the tags of ${key}`, signal, (client, o) =>
      client.send(new GetObjectTaggingCommand(input), o),
    );
    return Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]));
  }

  /** Returns what was written: size in bytes, SHA-256. */
  async put(
    key: string,
    body: Readable | Uint8Array,
    headers: ServerHeaders,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
    return this.translated(
      putObject(this.connection, key, body, { signal, ifAbsent: false, onProgress: undefined, headers }),
    );
  }

  /** A small object of Holdfast's own: the first of its key (`etag` undefined), or in place of one with this ETag. Throws: bucket.changed if it is not. */
  async putConditionally(
    key: string,
    body: Uint8Array,
    { etag, signal }: { readonly etag: string | undefined; readonly signal: AbortSignal },
  ): Promise<{ readonly etag: string; readonly versionId: string | undefined }> {
    const input = { Bucket: this.bucket, Key: key, Body: body };
    const send = (condition: object) =>
      this.request(`write ${key}`, signal, (client, o) =>
        client.send(new PutObjectCommand({ ...input, ...condition }), o),
      );
    const condition = etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: quote(etag) };
    const { ETag, VersionId } = await send(condition).catch((error) => {
      // A server that knows no condition refuses it; who holds the lock is seen by reading it again.
      if (isCode(error, 'bucket.protocol') && [400, 501].includes(Number(error.context['status']))) return send({});
      throw error;
    });
    return { etag: unquote(ETag), versionId: VersionId };
  }

  /** Tried on a real object: some servers ignore the condition without a word. */
  async hasConditionalPut(signal: AbortSignal): Promise<boolean> {
    const key = `${CONTROL_PREFIX}probe-${randomUUID()}`;
    await this.put(key, Buffer.from('probe'), {}, signal);
    try {
      return await this.translated(hasConditionalPut(this.connection, key, signal));
    } finally {
      await this.remove(key, AbortSignal.timeout(CLEANUP_MS)).catch(() => undefined);
    }
  }

  async remove(key: string, signal: AbortSignal, versionId?: string): Promise<void> {
    const input = { Bucket: this.bucket, Key: key, VersionId: versionId };
    await this.request(`remove ${key}`, signal, (client, o) => client.send(new DeleteObjectCommand(input), o));
  }

  close(): void {
    this.connection.close();
  }

  private async translated<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      throw toBucketError(error, this.bucket);
    }
  }
}

const quote = (etag: string | undefined): string | undefined => (etag === undefined ? undefined : `"${etag}"`);

/** Opens a client for as long as it is used. */
export async function withBucket<T>(place: BucketPlace, use: (client: BucketClient) => Promise<T>): Promise<T> {
  const client = new BucketClient(place);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const withoutEmpty = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;

function toFound(answer: GetObjectCommandOutput | HeadObjectCommandOutput): FoundObject {
  const { Metadata = {}, ContentEncoding } = answer;
  // How an upload was framed on its way; some servers keep it as though it were the content's.
  const encoding = ContentEncoding?.replace(/^aws-chunked,?\s*/, '') || undefined;
  const headers: ObjectHeaders = {
    contentType: answer.ContentType,
    contentEncoding: encoding,
    contentDisposition: answer.ContentDisposition,
    contentLanguage: answer.ContentLanguage,
    cacheControl: answer.CacheControl,
    expires: answer.ExpiresString,
    redirect: answer.WebsiteRedirectLocation,
    metadata: Object.keys(Metadata).length === 0 ? undefined : Metadata,
  };
  return {
    ...withoutEmpty(headers),
    etag: unquote(answer.ETag),
    size: answer.ContentLength ?? 0,
    modifiedAt: answer.LastModified ?? new Date(0),
    versionId: answer.VersionId,
    storageClass: answer.StorageClass,
    tagCount: answer.TagCount ?? 0,
    missingMetadata: answer.MissingMeta ?? 0,
  };
}
