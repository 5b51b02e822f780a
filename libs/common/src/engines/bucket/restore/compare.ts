import type { InventoryEntry } from '#common/contracts/shared-ref.js';
import type { BucketClient } from '#common/engines/bucket/bucket-client.js';
import type { BucketPlace } from '#common/engines/bucket/bucket-place.js';
import { type BucketEntry, toEntries } from '#common/engines/bucket/entry.js';
import { type ListedObject, listBucket } from '#common/engines/bucket/listing.js';
import { mergeByKey, type Pair } from '#common/engines/bucket/merge.js';

/** How far a listing tells whether an object is the one of the backup. */
export type Likeness = 'missing' | 'extra' | 'different' | 'unclear' | 'same';

export type Compared = Pair<BucketEntry, ListedObject> & { readonly likeness: Likeness };

/** What a place holds beside what a backup holds, by the key behind the prefix. Memory: one page. Throws: bucket.*, backup.corrupt; repository.*. */
export async function* comparePlace(
  client: BucketClient,
  inventory: AsyncIterable<InventoryEntry>,
  { place, signal }: { readonly place: BucketPlace; readonly signal: AbortSignal },
): AsyncGenerator<Compared> {
  for await (const pair of mergeByKey(toEntries(inventory), listPlace(client, place, signal)))
    yield { ...pair, likeness: toLikeness(pair) };
}

/** By the key behind the prefix. */
export async function* listPlace(
  client: BucketClient,
  { prefix }: BucketPlace,
  signal: AbortSignal,
): AsyncGenerator<ListedObject> {
  for await (const object of listBucket(client, { prefix, withVersions: false, signal }))
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
const isDigest = (etag: string): boolean => /^[0-9a-f]{32}$/.test(etag);
