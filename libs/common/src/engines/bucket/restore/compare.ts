import type { InventoryEntry } from '#common/contracts/shared-ref.js';
import type { BucketClient } from '#common/engines/bucket/bucket-client.js';
import type { BucketPlace } from '#common/engines/bucket/bucket-place.js';
import { type BucketEntry, toEntries } from '#common/engines/bucket/entry.js';
import { type ListedObject, listBucket } from '#common/engines/bucket/listing.js';
import { mergeByKey, type Pair } from '#common/engines/bucket/merge.js';
import { BucketParts } from './bucket-parts.js';

/** How far a listing tells whether an object is the one of the backup. */
export type Likeness = 'missing' | 'extra' | 'different' | 'unclear' | 'same';

export type Compared = Pair<BucketEntry, ListedObject> & { readonly likeness: Likeness };

export interface ComparedPlace {
  readonly place: BucketPlace;
  /** Of both sides; default: everything. */
  readonly parts?: BucketParts;
  readonly signal: AbortSignal;
}

/** What a place holds beside what a backup holds, by the key behind the prefix. Memory: one page. Throws: bucket.*, backup.corrupt; repository.*. */
export async function* comparePlace(
  client: BucketClient,
  inventory: AsyncIterable<InventoryEntry>,
  { place, parts = new BucketParts(undefined), signal }: ComparedPlace,
): AsyncGenerator<Compared> {
  const [entries, objects] = [toEntries(inventory), listPlace(client, place, { below: parts.prefix, signal })];
  for await (const pair of mergeByKey(only(parts, entries), only(parts, objects)))
    yield { ...pair, likeness: toLikeness(pair) };
}

async function* only<T extends { readonly key: string }>(
  parts: BucketParts,
  side: AsyncIterable<T>,
): AsyncGenerator<T> {
  for await (const each of side) if (parts.has(each.key)) yield each;
}

/** By the key behind the prefix. */
export async function* listPlace(
  client: BucketClient,
  { prefix }: BucketPlace,
  { below = '', signal }: { readonly below?: string; readonly signal: AbortSignal },
): AsyncGenerator<ListedObject> {
  for await (const object of listBucket(client, { prefix: prefix + below, withVersions: false, signal }))
    yield { ...object, key: object.key.slice(prefix.length) };
}

function toLikeness({ left, right }: Pair<BucketEntry, ListedObject>): Likeness {
  if (left === undefined) return 'extra';
  if (right === undefined) return 'missing';
  if (left.size !== right.size) return 'different';
  if (left.etag === right.etag) return 'same';
  return isDigest(left.etag) && isDigest(right.etag) ? 'different' : 'unclear';
}

/** Of an object that was written in one request and is not encrypted by a key of its own. Others are named by how they were written. */
export const isDigest = (etag: string): boolean => /^[0-9a-f]{32}$/.test(etag);
