import { join } from 'node:path';
import { compareCodePoints } from '#common/domain/code-points.js';
import { type BucketClient, withBucket } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import { toPlaceText } from '#common/engines/bucket/bucket-place.js';
import { type Noted, NotedKeys } from '#common/engines/bucket/facts.js';
import { type ListedObject, listBelow } from '#common/engines/bucket/listing.js';
import { mergeByKey } from '#common/engines/bucket/merge.js';
import { AppError } from '#common/errors/app-error.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import { inOrder } from '#common/pipeline/in-order.js';
import { Slots } from '#common/pipeline/slots.js';
import { withScratch } from './mirror-folder.js';
import { MirrorEntry, MirrorIndex, readLines, writeLines } from './mirror-index.js';
import { adoptObject, type MirroredPlaces, mirrorObject } from './mirror-object.js';

const IN_FLIGHT = 32;
/** What does not fit into one part is uploaded in several, each of which is in memory. */
const LARGE_BYTES = 8 << 20;
const LARGE_IN_FLIGHT = 2;
/** A source of less than this part of what it was is more likely lost than tidied. */
const SHRUNK_PART = 0.5;
/** Of less than so many objects half come and go. */
const SHRUNK_FROM = 10;
const KEEP_INDEX_MS = 8_000;

export interface MirrorRoundOptions {
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Whenever more is known of what the replica lacks. */
  readonly onBehind?: (bytes: number) => void;
}

/** What one comparison of source and replica found, and did. */
export interface MirrorRound {
  /** When the listing of the source began: of that moment the replica is, if nothing is behind. */
  readonly startedAt: Date;
  /** Of the source. */
  readonly objects: number;
  readonly bytes: number;
  readonly copied: number;
  readonly copiedBytes: number;
  /** From the replica, when the grace time of an object was over. */
  readonly removed: number;
  /** Objects of the replica that the source lacks, and that stay until their grace time is over. */
  readonly waiting: number;
  /** Objects of the replica that the mirror never wrote: it leaves them. */
  readonly foreign: number;
  /** What the replica does not take. */
  readonly refused: Noted;
  readonly withoutTags: Noted;
  readonly behindBytes: number;
  /** Why nothing is taken for removed. */
  readonly shrunk: AppError | undefined;
}

/**
 * Makes the replica what one listing of the source finds: copies what it lacks, and removes what the source has lacked for the grace time, but
 * nothing while the source is empty or much smaller than it was, and nothing that the mirror did not write. A listing that breaks off ends the
 * round before anything is removed. Memory is flat: both listings and the index are merged as they come. Throws: mirror.index, bucket.*; the abort reason.
 */
export function mirrorOnce(
  dataset: BucketDataset & { readonly mirror: BucketMirror },
  o: MirrorRoundOptions,
): Promise<MirrorRound> {
  return withBucket(dataset.place, (source) =>
    withBucket(dataset.mirror.place, async (replica) => {
      const withVersions = (await source.hasVersioning(o.signal)) === true;
      return withScratch((folder) => new Round(dataset, { ...o, source, replica, withVersions, folder }).run());
    }),
  );
}

/** What is known of one key. */
interface Known {
  readonly key: string;
  readonly listed: ListedObject | undefined;
  readonly there: ListedObject | undefined;
  readonly before: MirrorEntry | undefined;
}

interface RoundDeps extends MirrorRoundOptions {
  readonly source: BucketClient;
  readonly replica: BucketClient;
  readonly withVersions: boolean;
  readonly folder: string;
}

class Round {
  private readonly startedAt: Date;
  private readonly large = new Slots(LARGE_IN_FLIGHT);
  private readonly index: MirrorIndex;
  private readonly places: MirroredPlaces;
  private readonly counts = { objects: 0, bytes: 0, copied: 0, copiedBytes: 0, removed: 0, waiting: 0, foreign: 0 };
  private readonly refused = new NotedKeys();
  private readonly withoutTags = new NotedKeys();
  private behindBytes = 0;
  /** Objects that the source had when the round before ended. */
  private live = 0;

  constructor(
    private readonly dataset: BucketDataset & { readonly mirror: BucketMirror },
    private readonly d: RoundDeps,
  ) {
    this.startedAt = d.now();
    const { place, mirror, tags } = dataset;
    this.index = new MirrorIndex(d.replica, mirror.place.prefix, d.folder);
    this.places = {
      ...{ source: d.source, replica: d.replica, signal: d.signal, withTags: tags !== 'none' },
      prefixes: { source: place.prefix, replica: mirror.place.prefix },
    };
  }

  async run(): Promise<MirrorRound> {
    const file = join(this.d.folder, 'index.ndjson');
    try {
      await writeLines(file, this.merge());
    } catch (error) {
      await this.keepIndex(file).catch(() => undefined);
      throw error;
    }
    const shrunk = this.findShrunk();
    if (shrunk === undefined) await inFlight(this.due(file), IN_FLIGHT, ({ key }) => this.remove(key));
    const { startedAt, behindBytes, counts } = this;
    const { signal } = this.d;
    const isWhole = shrunk === undefined && behindBytes === 0;
    const sourceAt = isWhole ? startedAt : await this.index.sourceAt(signal);
    await this.index.write(this.remaining(file, shrunk !== undefined), { sourceAt, signal });
    const noted = { refused: this.refused.toJSON(), withoutTags: this.withoutTags.toJSON() };
    return { startedAt, ...counts, behindBytes, ...noted, shrunk };
  }

  private async *merge(): AsyncGenerator<MirrorEntry> {
    for await (const entry of inOrder(this.known(), IN_FLIGHT, (known) => this.take(known)))
      if (entry !== undefined) yield entry;
  }

  private async *known(): AsyncGenerator<Known> {
    const { source, replica, withVersions, signal } = this.d;
    const { place, mirror } = this.dataset;
    const listings = mergeByKey(
      listBelow(source, place.prefix, { withVersions, signal }),
      listBelow(replica, mirror.place.prefix, { withVersions: false, signal }),
    );
    for await (const { left, right } of mergeByKey(keyed(listings), this.index.entries(signal)))
      yield { key: (left ?? right)?.key ?? '', listed: left?.left, there: left?.right, before: right };
  }

  /** Without an entry nothing of the key is the mirror's. */
  private async take(known: Known): Promise<MirrorEntry | undefined> {
    const { listed, there, before } = known;
    this.d.signal.throwIfAborted();
    if (before !== undefined && before.missingSince === undefined) this.live += 1;
    if (listed !== undefined) return this.follow(listed, there, before);
    if (there === undefined) return undefined;
    if (before === undefined) this.counts.foreign += 1;
    else this.counts.waiting += 1;
    return before && { ...before, missingSince: before.missingSince ?? this.startedAt.toISOString() };
  }

  private async follow(
    listed: ListedObject,
    there: ListedObject | undefined,
    before: MirrorEntry | undefined,
  ): Promise<MirrorEntry | undefined> {
    this.counts.objects += 1;
    this.counts.bytes += listed.size;
    if (before !== undefined && isCurrent(before, listed, there)) {
      const { missingSince: _, ...entry } = before;
      return entry;
    }
    this.add(listed.size);
    const adopted =
      there === undefined || before !== undefined ? undefined : await adoptObject(listed, there, this.places);
    return adopted === undefined ? this.copy(listed, before) : this.done(listed, adopted);
  }

  private async copy(listed: ListedObject, before: MirrorEntry | undefined): Promise<MirrorEntry | undefined> {
    const work = () => mirrorObject(listed, this.places);
    const mirrored = await (listed.size > LARGE_BYTES ? this.large.run(work) : work());
    if (mirrored === 'refused') this.refused.add(listed.key);
    if (mirrored === 'moved' || mirrored === 'refused') return before;
    if (mirrored.isUntagged) this.withoutTags.add(listed.key);
    this.counts.copied += 1;
    this.counts.copiedBytes += listed.size;
    return this.done(listed, mirrored.entry);
  }

  private done({ size }: ListedObject, entry: MirrorEntry): MirrorEntry {
    this.add(-size);
    return entry;
  }

  private add(bytes: number): void {
    this.behindBytes += bytes;
    this.d.onBehind?.(this.behindBytes);
  }

  private findShrunk(): AppError | undefined {
    const { objects } = this.counts;
    const { place, mayBeEmpty } = this.dataset;
    const isShrunk = objects === 0 ? this.live > 0 : this.live >= SHRUNK_FROM && objects < this.live * SHRUNK_PART;
    if (!isShrunk || mayBeEmpty) return undefined;
    const said = `${toPlaceText(place)} holds ${objects} objects, and held ${this.live} when the mirror last looked`;
    return new AppError('mirror.shrunk', said, { objects, before: this.live });
  }

  private isDue({ missingSince }: MirrorEntry): boolean {
    if (missingSince === undefined) return false;
    return this.startedAt.getTime() - Date.parse(missingSince) >= this.dataset.mirror.deleteAfterMs;
  }

  private async *due(file: string): AsyncGenerator<MirrorEntry> {
    for await (const entry of readLines(file, MirrorEntry)) if (this.isDue(entry)) yield entry;
  }

  /** What came back since the listing stays. */
  private async remove(key: string): Promise<void> {
    const { source, replica, prefixes, signal } = this.places;
    if ((await source.head(prefixes.source + key, signal)) !== undefined) return;
    await replica.remove(prefixes.replica + key, signal);
    this.counts.removed += 1;
    this.counts.waiting -= 1;
  }

  /** While the source has shrunk, no grace time begins, and none goes on. */
  private async *remaining(file: string, hasShrunk: boolean): AsyncGenerator<MirrorEntry> {
    for await (const entry of readLines(file, MirrorEntry)) {
      const { missingSince, ...known } = entry;
      if (missingSince === undefined || !this.isDue(entry)) {
        yield hasShrunk && missingSince === this.startedAt.toISOString() ? known : entry;
      } else if (hasShrunk) yield entry;
    }
  }

  /** What a round that died has copied, the next one need not look at again; behind that the index stays as it was. */
  private async keepIndex(file: string): Promise<void> {
    if (this.counts.copied === 0) return;
    const signal = AbortSignal.timeout(KEEP_INDEX_MS);
    const [begun, before, startedAt] = [readLines(file, MirrorEntry), this.index.entries(signal), this.startedAt];
    async function* both(): AsyncGenerator<MirrorEntry> {
      let upTo: string | undefined;
      for await (const { missingSince, ...entry } of begun) {
        upTo = entry.key;
        const isNew = missingSince === undefined || missingSince === startedAt.toISOString();
        yield isNew ? entry : { ...entry, missingSince };
      }
      for await (const entry of before) if (upTo === undefined || compareCodePoints(entry.key, upTo) > 0) yield entry;
    }
    const sourceAt = await this.index.sourceAt(signal);
    await this.index.write(both(), { sourceAt, signal });
  }
}

const isCurrent = ({ source, replica }: MirrorEntry, listed: ListedObject, there: ListedObject | undefined): boolean =>
  source.etag === listed.etag &&
  source.size === listed.size &&
  source.modifiedAt === listed.modifiedAt &&
  source.versionId === listed.versionId &&
  replica.etag === there?.etag &&
  replica.size === there.size;

type Sides = { readonly left: ListedObject | undefined; readonly right: ListedObject | undefined };

async function* keyed(pairs: AsyncIterable<Sides>): AsyncGenerator<Sides & { readonly key: string }> {
  for await (const pair of pairs) yield { ...pair, key: (pair.left ?? pair.right)?.key ?? '' };
}
