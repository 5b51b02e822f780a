import { withBucket } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import { type Noted, NotedKeys } from '#common/engines/bucket/facts.js';
import { type ListedObject, listBelow } from '#common/engines/bucket/listing.js';
import { mergeByKey, type Pair } from '#common/engines/bucket/merge.js';
import { isDigest } from '#common/engines/bucket/restore/compare.js';

/** How a replica differs from its source, as two listings tell. */
export interface Differences {
  readonly comparedAt: Date;
  /** Of the source. */
  readonly objects: number;
  readonly bytes: number;
  /** Of the source, and not in the replica. */
  readonly missing: Noted;
  /** Of another size, or another digest where both ETags are digests. */
  readonly different: Noted;
  /** Of the replica, and not in the source. */
  readonly extra: Noted;
  readonly behindBytes: number;
  /** When the oldest object was written that the replica lacks; undefined: it lacks none. */
  readonly behindSince: string | undefined;
}

/** Compares by key, size and digest, and changes nothing. Memory: one page of each listing. Throws: bucket.*. */
export function findDifferences(
  { place, mirror }: BucketDataset & { readonly mirror: BucketMirror },
  { signal, now }: { readonly signal: AbortSignal; readonly now: () => Date },
): Promise<Differences> {
  const differing = new Differing(now());
  return withBucket(place, (source) =>
    withBucket(mirror.place, async (replica) => {
      const o = { withVersions: false, signal };
      const pairs = mergeByKey(listBelow(source, place.prefix, o), listBelow(replica, mirror.place.prefix, o));
      for await (const pair of pairs) differing.add(pair);
      return differing.found();
    }),
  );
}

class Differing {
  private readonly noted = { missing: new NotedKeys(), different: new NotedKeys(), extra: new NotedKeys() };
  private readonly counts = { objects: 0, bytes: 0, behindBytes: 0 };
  private behindSince: string | undefined;

  constructor(private readonly comparedAt: Date) {}

  add({ left, right }: Pair<ListedObject, ListedObject>): void {
    if (left === undefined) {
      this.noted.extra.add(right?.key ?? '');
      return;
    }
    this.counts.objects += 1;
    this.counts.bytes += left.size;
    if (right === undefined) this.lacks(left, this.noted.missing);
    else if (!isAlike(left, right)) this.lacks(left, this.noted.different);
  }

  found(): Differences {
    const { comparedAt, counts, behindSince } = this;
    const { missing, different, extra } = this.noted;
    const noted = { missing: missing.toJSON(), different: different.toJSON(), extra: extra.toJSON() };
    return { comparedAt, ...counts, ...noted, behindSince };
  }

  private lacks({ key, size, modifiedAt }: ListedObject, noted: NotedKeys): void {
    noted.add(key);
    this.counts.behindBytes += size;
    if (this.behindSince === undefined || modifiedAt < this.behindSince) this.behindSince = modifiedAt;
  }
}

const isAlike = (one: ListedObject, other: ListedObject): boolean =>
  one.size === other.size && (one.etag === other.etag || !isDigest(one.etag) || !isDigest(other.etag));
