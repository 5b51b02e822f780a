import {
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import type { BucketClient } from './bucket-client.js';
import { CONTROL_PREFIX } from './bucket-place.js';

/** What a listing says of an object. */
export interface ListedObject {
  /** Of the bucket. */
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly modifiedAt: string;
  /** Of a bucket that keeps versions. */
  readonly versionId: string | undefined;
}

export interface ListingOptions {
  readonly prefix: string;
  /** Names the version of each object, where the bucket has them. */
  readonly withVersions: boolean;
  /** Default: as many as the server gives at once. */
  readonly pageSize?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Every object below a prefix but those of Holdfast's own, page by page, in the order of the server. It ends only after a page that said it was the
 * last. Throws: bucket.protocol for an answer that is no listing or leads nowhere; bucket.key for one with a key that it cannot say; bucket.*.
 */
export async function* listBucket(client: BucketClient, o: ListingOptions): AsyncGenerator<ListedObject> {
  const pages = o.withVersions ? versionPages(client, o) : objectPages(client, o);
  let last: string | undefined;
  for await (const objects of pages)
    for (const object of objects) {
      // Servers are seen that repeat the object at which a page of versions ended.
      if (object.key === last || object.key.startsWith(CONTROL_PREFIX)) continue;
      last = object.key;
      yield object;
    }
}

/** As `listBucket`, by the key behind the prefix. */
export async function* listBelow(
  client: BucketClient,
  prefix: string,
  o: Omit<ListingOptions, 'prefix'>,
): AsyncGenerator<ListedObject> {
  for await (const object of listBucket(client, { prefix, ...o }))
    yield { ...object, key: object.key.slice(prefix.length) };
}

async function* objectPages(client: BucketClient, o: ListingOptions): AsyncGenerator<ListedObject[]> {
  const what = `list ${o.prefix}`;
  let token: string | undefined;
  do {
    const input = { Bucket: client.bucket, Prefix: o.prefix, EncodingType: 'url' as const, MaxKeys: o.pageSize };
    const page: ListObjectsV2CommandOutput = await client.request(what, o.signal, (s3, options) =>
      s3.send(new ListObjectsV2Command({ ...input, ContinuationToken: token }), options),
    );
    const { IsTruncated, NextContinuationToken, Contents = [], EncodingType } = page;
    yield Contents.map((object) => toListed(object, EncodingType));
    token = nextOf(what, IsTruncated, NextContinuationToken, token);
  } while (token !== undefined);
}

async function* versionPages(client: BucketClient, o: ListingOptions): AsyncGenerator<ListedObject[]> {
  const what = `list versions of ${o.prefix}`;
  let marker: { KeyMarker: string; VersionIdMarker: string | undefined } | undefined;
  let token: string | undefined;
  do {
    const input = {
      Bucket: client.bucket,
      Prefix: o.prefix,
      EncodingType: 'url' as const,
      MaxKeys: o.pageSize,
      ...marker,
    };
    const page: ListObjectVersionsCommandOutput = await client.request(what, o.signal, (s3, options) =>
      s3.send(new ListObjectVersionsCommand(input), options),
    );
    const { IsTruncated, NextKeyMarker, NextVersionIdMarker, Versions = [], EncodingType } = page;
    yield Versions.filter(({ IsLatest }) => IsLatest).map((object) => toListed(object, EncodingType));
    const next = NextKeyMarker && `${NextKeyMarker}\n${NextVersionIdMarker ?? ''}`;
    token = nextOf(what, IsTruncated, next, token);
    marker = { KeyMarker: toKey(NextKeyMarker ?? '', EncodingType), VersionIdMarker: NextVersionIdMarker };
  } while (token !== undefined);
}

/** Where the next page begins; undefined: there is none. A listing that breaks off would mean that the rest was removed. */
function nextOf(
  what: string,
  isTruncated: boolean | undefined,
  next: string | undefined,
  token: string | undefined,
): string | undefined {
  const broken = (found: string) => new AppError('bucket.protocol', `cannot ${what}: ${found}`);
  if (isTruncated === undefined) throw broken('the server answered with nothing');
  if (!isTruncated) return undefined;
  if (next === undefined || next === '') throw broken('the server said that there is more, and not where');
  if (next === token) throw broken('the server led to the page that it had given');
  return next;
}

interface RawObject {
  readonly Key?: string | undefined;
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly VersionId?: string | undefined;
}

function toListed(
  { Key = '', Size = 0, ETag = '', LastModified = new Date(0), VersionId }: RawObject,
  encoding: string | undefined,
): ListedObject {
  const etag = ETag.replaceAll('"', '');
  return { key: toKey(Key, encoding), size: Size, etag, modifiedAt: LastModified.toISOString(), versionId: VersionId };
}

/** Not every server that is asked to encode does so, and then it says so. */
function toKey(said: string, encoding: string | undefined): string {
  if (encoding === 'url') return decode(said);
  // What XML cannot say, a control character, arrives as this sign.
  if (!said.includes('\uFFFD')) return said;
  throw new AppError('bucket.key', `the server lists a key that it cannot say: ${JSON.stringify(said)}`);
}

function decode(said: string): string {
  try {
    return decodeURIComponent(said.replaceAll('+', ' '));
  } catch (cause) {
    throw new AppError('bucket.key', `the server lists a key that is no UTF-8: ${said}`, {}, { cause });
  }
}
