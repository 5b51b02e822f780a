import { createHash } from 'node:crypto';
import { type Readable, Transform } from 'node:stream';
import { BucketClient } from '#common/engines/bucket/bucket-client.js';
import { isCode } from '#common/engines/bucket/bucket-errors.js';
import { type BucketPlace, toPlaceText } from '#common/engines/bucket/bucket-place.js';
import type { BucketEntry } from '#common/engines/bucket/entry.js';
import { NotedKeys } from '#common/engines/bucket/facts.js';
import { listBelow } from '#common/engines/bucket/listing.js';
import { mergeByKey } from '#common/engines/bucket/merge.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import type { BucketParts } from './bucket-parts.js';
import type { Content, Served } from './content.js';

const IN_FLIGHT = 16;

/** What a backup by method `replica` lists: its content is read where it lies. */
export class ReplicaContent implements Content {
  private readonly client: BucketClient;

  constructor(
    private readonly place: BucketPlace,
    private readonly signal: AbortSignal,
  ) {
    this.client = new BucketClient(place);
  }

  /** Before anything is written. Throws: backup.damaged naming what the replica does not have any more; bucket.*, backup.corrupt; repository.*. */
  async assertHeld(entries: AsyncIterable<BucketEntry>, parts: BucketParts): Promise<void> {
    const { place, signal } = this;
    const lost = new NotedKeys();
    const listed = listBelow(this.client, place.prefix, { withVersions: false, signal });
    await inFlight(mergeByKey(entries, listed), IN_FLIGHT, async ({ left, right }) => {
      if (left === undefined || !parts.has(left.key) || left.etag === right?.etag) return;
      if (left.versionId === undefined || (await this.head(left)) === undefined) lost.add(left.key);
    });
    const { count, keys } = lost.toJSON();
    if (count === 0) return;
    const names = toShortList(
      keys.map((key) => JSON.stringify(key)),
      { total: count },
    );
    throw new AppError('backup.damaged', `${toPlaceText(place)} does not have these objects as they were: ${names}`, {
      count,
      keys,
    });
  }

  async served(entry: BucketEntry): Promise<Served> {
    const found = await this.head(entry);
    if (found === undefined) throw this.toLost(entry);
    const { tagCount } = found;
    const key = this.place.prefix + entry.key;
    const tags = tagCount === 0 ? undefined : await this.client.tags(key, entry.versionId, this.signal);
    return { headers: found, tags };
  }

  async open(entry: BucketEntry): Promise<Readable> {
    const { etag, versionId, sha256 } = entry;
    try {
      const { body } = await this.client.get(this.place.prefix + entry.key, { etag, versionId }, this.signal);
      return sha256 === undefined ? body : checked(body, sha256, () => this.toLost(entry));
    } catch (error) {
      if (isCode(error, 'bucket.changed')) throw this.toLost(entry);
      throw error;
    }
  }

  close(): void {
    this.client.close();
  }

  private async head({ key, etag, versionId }: BucketEntry) {
    const found = await this.client.head(this.place.prefix + key, this.signal, versionId);
    return found?.etag === etag ? found : undefined;
  }

  private toLost({ key }: BucketEntry): AppError {
    const said = `${toPlaceText(this.place)} does not have ${JSON.stringify(key)} as it was`;
    return new AppError('backup.damaged', said, { key });
  }
}

function checked(body: Readable, sha256: string, toError: () => AppError): Readable {
  const hash = createHash('sha256');
  const checking = new Transform({
    transform(chunk, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      done(hash.digest('hex') === sha256 ? null : toError());
    },
  });
  body.once('error', (error) => checking.destroy(error));
  checking.once('close', () => body.destroy());
  return body.pipe(checking);
}
