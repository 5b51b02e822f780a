import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { SharedRef } from '#common/contracts/shared-ref.js';
import type { BucketClient, FoundObject } from '#common/engines/bucket/bucket-client.js';
import { isCode, isKeyRefused } from '#common/engines/bucket/bucket-errors.js';
import type { BucketPlace } from '#common/engines/bucket/bucket-place.js';
import { type BucketEntry, ObjectHeaders } from '#common/engines/bucket/entry.js';
import { NotedKeys } from '#common/engines/bucket/facts.js';
import type { RestoreWork } from '#common/engines/engine.js';
import type { Material } from '#common/engines/material.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import { Slots } from '#common/pipeline/slots.js';
import type { ObjectHeaders as ServerHeaders } from '#common/repository/s3/upload.js';
import type { BucketFence } from './bucket-fence.js';
import type { BucketParts } from './bucket-parts.js';
import { type Compared, comparePlace } from './compare.js';
import type { WrittenKeys } from './written-keys.js';

const IN_FLIGHT = 16;
/** What does not fit into one part is uploaded in several, each of which is in memory. */
const LARGE_BYTES = 8 << 20;
const LARGE_IN_FLIGHT = 2;

export interface WriteDeps {
  readonly fence: BucketFence;
  readonly written: WrittenKeys;
  readonly place: BucketPlace;
  readonly parts: BucketParts;
  readonly material: Pick<Material, 'inventory' | 'shared'>;
  readonly totalBytes: number;
  readonly onProgress: RestoreWork['onProgress'];
  readonly signal: AbortSignal;
}

/** Brings the objects of a backup into a place, where they are not there already. */
export class WriteObjects {
  private readonly large = new Slots(LARGE_IN_FLIGHT);
  private readonly refused = new NotedKeys();
  private readonly untagged = new NotedKeys();
  private bytes = 0;

  constructor(private readonly d: WriteDeps) {}

  /** Objects of which the server took no tags. */
  get withoutTags() {
    return this.untagged.toJSON();
  }

  /** Throws: bucket.key naming what the server refused, when everything else is written; bucket.*, backup.corrupt; repository.*. */
  async write(): Promise<void> {
    await inFlight(this.compared(), IN_FLIGHT, (each) => this.bring(each));
    const { count, keys } = this.refused.toJSON();
    if (count > 0) throw toUnheld('refused objects of these names', count, keys);
  }

  /** Looks again: some servers say that they have written an object and keep it by another name. Throws: bucket.key; bucket.*. */
  async verify(): Promise<void> {
    const missing = new NotedKeys();
    for await (const { left, likeness } of this.compared())
      if (left !== undefined && (likeness === 'missing' || likeness === 'different')) missing.add(left.key);
    const { count, keys } = missing.toJSON();
    if (count > 0) throw toUnheld('does not list what was written under these names', count, keys);
  }

  private compared(): AsyncGenerator<Compared> {
    const { fence, place, parts, material, signal } = this.d;
    return comparePlace(fence.client, material.inventory(), { place, parts, signal });
  }

  private async bring({ left: entry, likeness }: Compared): Promise<void> {
    const { signal, totalBytes } = this.d;
    if (entry === undefined) return;
    signal.throwIfAborted();
    const isThere = likeness !== 'missing' && likeness !== 'different' && (await this.isAlike(entry, likeness));
    if (!isThere) await (entry.size > LARGE_BYTES ? this.large.run(() => this.put(entry)) : this.put(entry));
    this.bytes += entry.size;
    this.d.onProgress({ stage: 'objects', bytes: this.bytes, totalBytes });
  }

  private async put(entry: BucketEntry): Promise<void> {
    try {
      await this.send(entry, entry.tags);
    } catch (error) {
      this.d.signal.throwIfAborted();
      if (isCode(error, 'bucket.protocol') && entry.tags !== undefined && error.context['status'] === 501) {
        this.untagged.add(entry.key);
        return this.send(entry, undefined);
      }
      if (!isKeyRefused(error)) throw error;
      this.refused.add(entry.key);
    }
  }

  private async send(entry: BucketEntry, tags: BucketEntry['tags']): Promise<void> {
    const { fence, material, written, signal } = this.d;
    const key = this.toKey(entry);
    const body = await material.shared(entry.content);
    fence.assertHeld();
    written.add(key);
    await fence.client.put(key, body, toHeaders(entry, tags), signal);
  }

  private async isAlike(entry: BucketEntry, likeness: Compared['likeness']): Promise<boolean> {
    const { fence, signal } = this.d;
    const { client } = fence;
    const key = this.toKey(entry);
    if (likeness === 'unclear' && !(await hasContent(client, key, { content: entry.content, signal }))) return false;
    const found = await client.head(key, signal);
    if (found === undefined || !isServedAlike(entry, found)) return false;
    const tags = found.tagCount === 0 ? {} : await client.tags(key, undefined, signal);
    return isEqual(tags, entry.tags ?? {});
  }

  private toKey({ key }: BucketEntry): string {
    return this.d.place.prefix + key;
  }
}

/** Reads an object to its end. Throws: bucket.*. */
export async function hasContent(
  client: BucketClient,
  key: string,
  { content, signal }: { readonly content: SharedRef; readonly signal: AbortSignal },
): Promise<boolean> {
  const hash = createHash('sha256');
  const { body } = await client.get(key, {}, signal);
  await pipeline(body, hash);
  return hash.digest('hex') === content.contentSha256;
}

export const isServedAlike = (entry: ObjectHeaders, found: FoundObject): boolean => {
  const [before, now] = [ObjectHeaders.parse(entry), ObjectHeaders.parse(found)];
  return (
    isEqual({ ...before, metadata: undefined }, { ...now, metadata: undefined }) &&
    isEqual(before.metadata ?? {}, now.metadata ?? {})
  );
};

function isEqual(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => a[name] === b[name]);
}

function toHeaders(entry: BucketEntry, tags: BucketEntry['tags']): ServerHeaders {
  const expires = entry.expires === undefined ? undefined : new Date(entry.expires);
  const tagging = new URLSearchParams(tags).toString().replaceAll('+', '%20');
  return {
    ContentType: entry.contentType,
    ContentEncoding: entry.contentEncoding,
    ContentDisposition: entry.contentDisposition,
    ContentLanguage: entry.contentLanguage,
    CacheControl: entry.cacheControl,
    Expires: expires !== undefined && Number.isNaN(expires.getTime()) ? undefined : expires,
    WebsiteRedirectLocation: entry.redirect,
    Metadata: entry.metadata,
    ...(tagging === '' ? {} : { Tagging: tagging }),
  };
}

function toUnheld(what: string, count: number, keys: readonly string[]): AppError {
  const names = toShortList(
    keys.map((key) => JSON.stringify(key)),
    { total: count },
  );
  return new AppError('bucket.key', `the server ${what}: ${names}`, { count, keys });
}
