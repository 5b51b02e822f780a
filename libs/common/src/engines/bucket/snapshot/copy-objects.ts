import type { SharedRef } from '#common/contracts/shared-ref.js';
import type { BucketClient, FoundObject, Version } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset } from '#common/engines/bucket/bucket-dataset.js';
import { isCode, toBucketError } from '#common/engines/bucket/bucket-errors.js';
import { toPlaceText } from '#common/engines/bucket/bucket-place.js';
import { type BucketEntry, toEntries } from '#common/engines/bucket/entry.js';
import { type BucketFacts, NotedKeys } from '#common/engines/bucket/facts.js';
import { type ListedObject, listBucket } from '#common/engines/bucket/listing.js';
import { mergeByKey, type Pair } from '#common/engines/bucket/merge.js';
import type { SharedObjects } from '#common/engines/shared-objects.js';
import { AppError } from '#common/errors/app-error.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import { toWarnings } from './warnings.js';

/** Enough to hide the way to the server; how much is in memory, the core limits. */
const IN_FLIGHT = 32;
/** An object that is replaced each time it is read is no reason to go on for ever. */
const TRIES = 5;

export interface CopyDeps {
  readonly dataset: BucketDataset;
  readonly client: BucketClient;
  readonly isVersioned: boolean;
  readonly shared: SharedObjects;
  readonly signal: AbortSignal;
}

interface Read {
  readonly found: FoundObject;
  readonly content: SharedRef;
}

/** One pass over the listing beside the inventory of the backup before. */
export class CopyObjects {
  private readonly counts = { objects: 0, bytes: 0, read: 0, gone: 0, before: 0 };
  private readonly changed = new NotedKeys();
  private readonly vanished = new NotedKeys();
  private readonly cut = new NotedKeys();

  constructor(private readonly d: CopyDeps) {}

  /** Throws: bucket.*, repository.*, backup.corrupt; engine.*. */
  async run(): Promise<void> {
    const { dataset, shared } = this.d;
    const { place, mayBeEmpty } = dataset;
    const before = shared.parent?.inventory() ?? none();
    await inFlight(mergeByKey(this.listing(), toEntries(before)), IN_FLIGHT, (pair) => this.take(pair));
    if (this.counts.objects > 0 || this.counts.before === 0 || mayBeEmpty) return;
    const said = `${toPlaceText(place)} holds nothing; the backup before has ${this.counts.before} objects of it`;
    throw new AppError('bucket.empty', said, { objectsBefore: this.counts.before });
  }

  facts(): Omit<BucketFacts, 'takenAt' | 'bucket' | 'prefix' | 'server' | 'isVersioned'> {
    const { before: _, ...counts } = this.counts;
    const noted = { changed: this.changed.toJSON(), vanished: this.vanished.toJSON() };
    return { ...counts, ...noted, warnings: toWarnings({ ...noted, cut: this.cut.toJSON() }) };
  }

  private async *listing(): AsyncGenerator<ListedObject> {
    const { client, dataset, isVersioned, signal } = this.d;
    const { prefix } = dataset.place;
    for await (const object of listBucket(client, { prefix, withVersions: isVersioned, signal }))
      yield { ...object, key: object.key.slice(prefix.length) };
  }

  private async take({ left: listed, right: before }: Pair<ListedObject, BucketEntry>): Promise<void> {
    if (before !== undefined) this.counts.before += 1;
    if (listed === undefined) {
      this.counts.gone += 1;
      return;
    }
    const entry = before !== undefined && isSame(listed, before) ? await this.again(before) : await this.read(listed);
    if (entry === undefined) return;
    this.counts.objects += 1;
    this.counts.bytes += entry.size;
    this.d.shared.list(entry);
  }

  private async again(before: BucketEntry): Promise<BucketEntry> {
    if (this.d.dataset.tags !== 'all') return before;
    const { tags: _, ...entry } = before;
    const tags = await this.d.client.tags(this.toKey(before.key), before.versionId, this.d.signal);
    return Object.keys(tags).length === 0 ? entry : { ...entry, tags };
  }

  /** Undefined: it vanished. */
  private async read(listed: ListedObject): Promise<BucketEntry | undefined> {
    const read = await this.readExactly(listed);
    if (read === undefined) return undefined;
    this.counts.read += 1;
    const { found, content } = read;
    const { size: _, tagCount, missingMetadata, modifiedAt, etag, versionId, storageClass, ...headers } = found;
    if (missingMetadata > 0) this.cut.add(listed.key);
    const isListed = etag === listed.etag;
    const tags = this.d.dataset.tags === 'none' || tagCount === 0 ? undefined : await this.tagsOf(listed, found);
    return {
      ...{ key: listed.key, size: content.contentBytes, etag, ...headers },
      // A listing may know more of an instant than a header can say.
      modifiedAt: isListed ? listed.modifiedAt : modifiedAt.toISOString(),
      ...(listed.versionId === undefined ? {} : { versionId: versionId ?? listed.versionId }),
      ...(storageClass === undefined ? {} : { storageClass }),
      ...(tags === undefined ? {} : { tags }),
      content,
    };
  }

  private tagsOf({ key, versionId }: ListedObject, found: FoundObject): Promise<Record<string, string>> {
    const version = versionId === undefined ? undefined : (found.versionId ?? versionId);
    return this.d.client.tags(this.toKey(key), version, this.d.signal);
  }

  /** First what was listed, and what is there now if that is not any more: always one version, whole. */
  private async readExactly({ key, etag, versionId }: ListedObject): Promise<Read | undefined> {
    let version: Version = { etag, versionId };
    for (let tries = 1; ; tries += 1) {
      try {
        const read = await this.readVersion(key, version);
        if (tries > 1) this.changed.add(key);
        return read;
      } catch (error) {
        if (!isCode(error, 'bucket.changed') || tries === TRIES) throw error;
        const isGone = error.context['status'] === 404 && (tries > 1 || versionId === undefined);
        if (isGone) break;
        version = {};
      }
    }
    assertSaid(key);
    this.vanished.add(key);
    return undefined;
  }

  private async readVersion(key: string, version: Version): Promise<Read> {
    const { client, shared, signal } = this.d;
    let found: FoundObject | undefined;
    const open = async () => {
      const got = await client.get(this.toKey(key), version, signal);
      found = got.object;
      return got.body;
    };
    try {
      const content = await shared.put(open);
      if (found === undefined) throw new AppError('internal.bug', `the content of ${key} was not opened`);
      return { found, content };
    } catch (error) {
      throw toBucketError(error, client.bucket);
    }
  }

  private toKey(key: string): string {
    return this.d.dataset.place.prefix + key;
  }
}

/** XML has one kind of line break: a listing that encodes none may mean an object of another key, which did not vanish. Throws: bucket.key. */
function assertSaid(key: string): void {
  if (!/[\r\n]/.test(key)) return;
  throw new AppError('bucket.key', `the server lists ${JSON.stringify(key)} and has no object of that key`);
}

const isSame = (listed: ListedObject, before: BucketEntry): boolean =>
  listed.size === before.size &&
  listed.etag === before.etag &&
  listed.modifiedAt === before.modifiedAt &&
  listed.versionId === before.versionId;

async function* none(): AsyncGenerator<never> {}
