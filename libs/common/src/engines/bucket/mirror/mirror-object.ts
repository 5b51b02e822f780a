import type { BucketClient, FoundObject } from '#common/engines/bucket/bucket-client.js';
import { isCode, isKeyRefused } from '#common/engines/bucket/bucket-errors.js';
import type { ListedObject } from '#common/engines/bucket/listing.js';
import { isDigest } from '#common/engines/bucket/restore/compare.js';
import { isEqual, isServedAlike, toServerHeaders } from '#common/engines/bucket/restore/served.js';
import type { MirrorEntry } from './mirror-index.js';

export interface MirroredPlaces {
  readonly source: BucketClient;
  readonly replica: BucketClient;
  /** Of keys of the source, and of the replica. */
  readonly prefixes: { readonly source: string; readonly replica: string };
  readonly withTags: boolean;
  /** The replica does not take the tags of the object. */
  readonly isUntagged?: true;
  readonly signal: AbortSignal;
}

/** `moved`: it was replaced or removed since the listing, and the next round meets what is there then. */
export type Mirrored = { readonly entry: MirrorEntry; readonly isUntagged: boolean } | 'moved' | 'refused';

/** Copies exactly the content that the listing named, with how it is served and its tags. Throws: bucket.*. */
export async function mirrorObject(listed: ListedObject, places: MirroredPlaces): Promise<Mirrored> {
  const { source, replica, prefixes, signal } = places;
  const { key, etag, versionId } = listed;
  const there = prefixes.replica + key;
  try {
    const { object, body } = await source.get(prefixes.source + key, { etag, versionId }, signal);
    const tags = await tagsOf(source, prefixes.source + key, object, { ...places, versionId }).catch((error) => {
      body.destroy();
      throw error;
    });
    const { sizeBytes, sha256 } = await replica.put(there, body, toServerHeaders(object, tags), signal);
    const found = await replica.head(there, signal);
    if (found?.size !== sizeBytes) return 'refused';
    return { entry: toEntry(listed, found, sha256), isUntagged: places.isUntagged === true };
  } catch (error) {
    signal.throwIfAborted();
    if (isCode(error, 'bucket.changed')) return 'moved';
    if (places.withTags && isCode(error, 'bucket.protocol') && error.context['status'] === 501)
      return mirrorObject(listed, { ...places, withTags: false, isUntagged: true });
    if (isKeyRefused(error)) return 'refused';
    throw error;
  }
}

/**
 * What the replica has already, from an earlier round that died or from another program: undefined unless content, headers and tags are those of the
 * source as far as digests in ETags tell. Throws: bucket.*.
 */
export async function adoptObject(
  listed: ListedObject,
  there: ListedObject,
  places: MirroredPlaces,
): Promise<MirrorEntry | undefined> {
  if (listed.size !== there.size || listed.etag !== there.etag || !isDigest(listed.etag)) return undefined;
  const { source, replica, prefixes, signal } = places;
  const [one, other] = await Promise.all([
    source.head(prefixes.source + listed.key, signal),
    replica.head(prefixes.replica + listed.key, signal),
  ]);
  if (one?.etag !== listed.etag || other?.etag !== there.etag || !isServedAlike(one, other)) return undefined;
  const [tags, kept] = await Promise.all([
    tagsOf(source, prefixes.source + listed.key, one, { ...places, versionId: undefined }),
    tagsOf(replica, prefixes.replica + listed.key, other, { ...places, versionId: undefined }),
  ]);
  return isEqual(tags, kept) ? toEntry(listed, other, undefined) : undefined;
}

const toEntry = (
  { key, etag, size, modifiedAt, versionId }: ListedObject,
  found: FoundObject,
  sha256: string | undefined,
): MirrorEntry => ({
  key,
  source: { etag, size, modifiedAt, ...(versionId === undefined ? {} : { versionId }) },
  replica: { etag: found.etag, size: found.size },
  ...(sha256 === undefined ? {} : { sha256 }),
});

async function tagsOf(
  client: BucketClient,
  key: string,
  { tagCount }: FoundObject,
  {
    withTags,
    versionId,
    signal,
  }: Pick<MirroredPlaces, 'withTags' | 'signal'> & {
    readonly versionId: string | undefined;
  },
): Promise<Record<string, string>> {
  return !withTags || tagCount === 0 ? {} : client.tags(key, versionId, signal);
}
