import type { BusPosition } from '#common/contracts/bus-position.js';
import { BucketClient } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import { toPlaceName, toPlaceText } from '#common/engines/bucket/bucket-place.js';
import type { BucketEntry } from '#common/engines/bucket/entry.js';
import { type BucketFacts, NotedKeys } from '#common/engines/bucket/facts.js';
import { type ListedObject, listBelow } from '#common/engines/bucket/listing.js';
import { mergeByKey } from '#common/engines/bucket/merge.js';
import type { BackupMethod, BackupSession, MadeBackup, OpenOptions, OutputObject } from '#common/engines/engine.js';
import type { SharedObjects } from '#common/engines/shared-objects.js';
import { withScratch } from './mirror-folder.js';
import { type MirrorEntry, MirrorIndex } from './mirror-index.js';
import { mirrorOf } from './replica-place.js';

/**
 * What the replica of a bucket holds, as a list: the content stays in the replica, and a restore reads it there. Made in the time of a listing, also
 * when the source is gone. It restores for as long as the replica keeps those contents: by their versions where the replica has them.
 */
export class ReplicaMethod implements BackupMethod<BucketDataset, BucketFacts> {
  readonly name = 'replica';
  readonly sharesContent = true;

  byHand({ facts: { replica } }: MadeBackup<BucketFacts>): readonly string[] {
    const place = `s3://${replica?.bucket ?? ''}/${replica?.prefix ?? ''}`;
    return [
      `# The content lies in ${place} at ${replica?.server ?? ''}, by the keys of inventory.ndjson: after "export BUCKET=…", and AWS_ENDPOINT_URL=… for a server that is not of Amazon.`,
      `aws s3 sync "${place}" "s3://$BUCKET" --exclude '.holdfast/*'`,
    ];
  }

  /** Throws: config.invalid for a dataset without a mirror; bucket.*; the abort reason. */
  async open(dataset: BucketDataset, o: OpenOptions): Promise<BackupSession<BucketFacts>> {
    o.onStage?.('connect');
    const mirror = mirrorOf(dataset);
    const client = new BucketClient(mirror.place);
    try {
      const isVersioned = (await client.hasVersioning(o.signal)) === true;
      const busPosition = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
      return new ReplicaSession({ dataset, mirror, client, isVersioned, busPosition, o });
    } catch (error) {
      client.close();
      throw error;
    }
  }
}

interface SessionParts {
  readonly dataset: BucketDataset;
  readonly mirror: BucketMirror;
  readonly client: BucketClient;
  readonly isVersioned: boolean;
  readonly busPosition: BusPosition | null;
  readonly o: OpenOptions;
}

class ReplicaSession implements BackupSession<BucketFacts> {
  readonly busPosition: BusPosition | null;
  readonly tools = {};
  private readonly counts = { objects: 0, bytes: 0 };
  private takenAt = new Date();

  constructor(private readonly parts: SessionParts) {
    this.busPosition = parts.busPosition;
  }

  /** None of its own: all that it has is the inventory. Throws: mirror.index, bucket.*; repository.*. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const shared = await this.parts.o.shared?.();
    if (shared !== undefined) await withScratch((folder) => this.list(shared, folder));
  }

  async facts(): Promise<BucketFacts> {
    const { dataset, mirror, isVersioned } = this.parts;
    const { bucket, prefix } = dataset.place;
    const none = new NotedKeys().toJSON();
    const nothing = { read: 0, gone: 0, changed: none, vanished: none };
    return {
      ...{
        takenAt: this.takenAt.toISOString(),
        bucket,
        prefix,
        server: serverOf(dataset),
        isVersioned,
        ...this.counts,
      },
      ...{
        ...nothing,
        replica: { bucket: mirror.place.bucket, prefix: mirror.place.prefix, server: serverOf(mirror) },
      },
      warnings: [...this.warnings()],
    };
  }

  async close(): Promise<void> {
    this.parts.client.close();
  }

  private async list(shared: SharedObjects, folder: string): Promise<void> {
    const { mirror, client, isVersioned: withVersions, o } = this.parts;
    const { signal } = o;
    const { prefix } = mirror.place;
    const index = new MirrorIndex(client, prefix, folder);
    const isWatched = mirror.mode === 'watch';
    if (!isWatched) this.takenAt = (await index.sourceAt(signal)) ?? this.takenAt;
    const known = isWatched ? none() : index.entries(signal);
    for await (const { left, right } of mergeByKey(listBelow(client, prefix, { withVersions, signal }), known)) {
      if (left === undefined || (!isWatched && (right === undefined || right.missingSince !== undefined))) continue;
      this.counts.objects += 1;
      this.counts.bytes += left.size;
      shared.list(toEntry(left, right));
    }
  }

  private *warnings(): Generator<string> {
    const { mirror, isVersioned } = this.parts;
    const place = toPlaceText(mirror.place);
    if (!isVersioned)
      yield `${place} keeps no versions: the backup restores only until an object in it is replaced or removed`;
    if (mirror.mode === 'watch') yield `how far the server’s replication to ${place} was behind is not in the backup`;
  }
}

/** What the mirror copied has a digest while it is still that object. */
function toEntry(listed: ListedObject, known: MirrorEntry | undefined): BucketEntry {
  const { key, size, etag, modifiedAt, versionId } = listed;
  const sha256 = known?.replica.etag === etag ? known.sha256 : undefined;
  return {
    ...{ key, size, etag, modifiedAt },
    ...(versionId === undefined ? {} : { versionId }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

const serverOf = ({ place }: Pick<BucketMirror, 'place'>): string => toPlaceName({ ...place, bucket: '', prefix: '' });

async function* none(): AsyncGenerator<never> {}
