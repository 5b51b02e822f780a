import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { BucketClient } from '#common/engines/bucket/bucket-client.js';
import { isCode, isKeyRefused } from '#common/engines/bucket/bucket-errors.js';
import type { BucketPlace } from '#common/engines/bucket/bucket-place.js';
import type { BucketEntry } from '#common/engines/bucket/entry.js';
import { NotedKeys } from '#common/engines/bucket/facts.js';
import type { RestoreWork } from '#common/engines/engine.js';
import type { Material } from '#common/engines/material.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import { Slots } from '#common/pipeline/slots.js';
import type { BucketFence } from './bucket-fence.js';
import type { BucketParts } from './bucket-parts.js';
import { type Compared, comparePlace } from './compare.js';
import type { Content, Served } from './content.js';
import { isEqual, isServedAlike, toServerHeaders } from './served.js';
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
  readonly material: Pick<Material, 'inventory'>;
  readonly content: Content;
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
    const served = await this.d.content.served(entry);
    try {
      await this.send(entry, served);
    } catch (error) {
      this.d.signal.throwIfAborted();
      if (isCode(error, 'bucket.protocol') && served.tags !== undefined && error.context['status'] === 501) {
        this.untagged.add(entry.key);
        return this.send(entry, { ...served, tags: undefined });
      }
      if (!isKeyRefused(error)) throw error;
      this.refused.add(entry.key);
    }
  }

  private async send(entry: BucketEntry, { headers, tags }: Served): Promise<void> {
    const { fence, content, written, signal } = this.d;
    const key = this.toKey(entry);
    const body = await content.open(entry);
    fence.assertHeld();
    written.add(key);
    await fence.client.put(key, body, toServerHeaders(headers, tags), signal);
  }

  private async isAlike(entry: BucketEntry, likeness: Compared['likeness']): Promise<boolean> {
    const { fence, signal } = this.d;
    const { client } = fence;
    const key = this.toKey(entry);
    if (likeness === 'unclear' && !(await hasContent(client, key, { entry, signal }))) return false;
    const found = await client.head(key, signal);
    if (found === undefined) return false;
    const served = await this.d.content.served(entry);
    if (!isServedAlike(served.headers, found)) return false;
    const tags = found.tagCount === 0 ? {} : await client.tags(key, undefined, signal);
    return isEqual(tags, served.tags ?? {});
  }

  private toKey({ key }: BucketEntry): string {
    return this.d.place.prefix + key;
  }
}

/** Of the content, as the backup knows it; undefined where only the ETag is known. */
export const digestOf = ({ content, sha256 }: BucketEntry): string | undefined => content?.contentSha256 ?? sha256;

/** Reads an object to its end; false also where the backup has no digest of it. Throws: bucket.*. */
export async function hasContent(
  client: BucketClient,
  key: string,
  { entry, signal }: { readonly entry: BucketEntry; readonly signal: AbortSignal },
): Promise<boolean> {
  const expected = digestOf(entry);
  if (expected === undefined) return false;
  const hash = createHash('sha256');
  const { body } = await client.get(key, {}, signal);
  await pipeline(body, hash);
  return hash.digest('hex') === expected;
}

function toUnheld(what: string, count: number, keys: readonly string[]): AppError {
  const names = toShortList(
    keys.map((key) => JSON.stringify(key)),
    { total: count },
  );
  return new AppError('bucket.key', `the server ${what}: ${names}`, { count, keys });
}
