import type { BusPosition } from '#common/contracts/bus-position.js';
import { BucketClient } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset } from '#common/engines/bucket/bucket-dataset.js';
import { toPlaceName } from '#common/engines/bucket/bucket-place.js';
import type { BucketFacts } from '#common/engines/bucket/facts.js';
import { listBucket } from '#common/engines/bucket/listing.js';
import type { BackupMethod, BackupSession, OpenOptions, OutputObject } from '#common/engines/engine.js';
import { AppError } from '#common/errors/app-error.js';
import { toCommandsByHand } from './by-hand.js';
import { CopyObjects } from './copy-objects.js';

/**
 * What a bucket holds, as one listing finds it: content that the dataset has is not read again. Objects are read one by one, so that the backup is of no
 * single moment: an object that changes meanwhile is the one version or the other, and is named.
 */
export class SnapshotMethod implements BackupMethod<BucketDataset, BucketFacts> {
  readonly name = 'snapshot';
  readonly sharesContent = true;
  readonly byHand = toCommandsByHand;

  /** Throws: bucket.*, config.invalid; the abort reason. */
  async open(dataset: BucketDataset, o: OpenOptions): Promise<BackupSession<BucketFacts>> {
    o.onStage?.('connect');
    const stop = new AbortController();
    const signal = AbortSignal.any([o.signal, stop.signal]);
    const client = new BucketClient(dataset.place);
    try {
      const isVersioned = (await client.hasVersioning(signal)) === true;
      await assertListing(client, dataset, isVersioned, signal);
      const busPosition = (await o.readBusPosition?.({ signal })) ?? null;
      const takenAt = new Date().toISOString();
      return new SnapshotSession({
        dataset,
        client,
        isVersioned,
        busPosition,
        takenAt,
        stop,
        signal,
        shared: o.shared,
      });
    } catch (error) {
      client.close();
      throw error;
    }
  }
}

/** A missing right is found before anything is stored. */
async function assertListing(
  client: BucketClient,
  { place: { prefix } }: BucketDataset,
  withVersions: boolean,
  signal: AbortSignal,
): Promise<void> {
  await listBucket(client, { prefix, withVersions, pageSize: 1, signal }).next();
}

interface SessionParts {
  readonly dataset: BucketDataset;
  readonly client: BucketClient;
  readonly isVersioned: boolean;
  readonly busPosition: BusPosition | null;
  readonly takenAt: string;
  readonly stop: AbortController;
  readonly signal: AbortSignal;
  readonly shared: OpenOptions['shared'];
}

class SnapshotSession implements BackupSession<BucketFacts> {
  readonly busPosition: BusPosition | null;
  readonly tools = {};
  private copied: CopyObjects | undefined;

  constructor(private readonly parts: SessionParts) {
    this.busPosition = parts.busPosition;
  }

  /** None of its own: all that it has are inventory and shared content. Throws: bucket.*, repository.*; engine.*. */
  // biome-ignore lint/correctness/useYield: the port asks for a generator.
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { shared, dataset, client, isVersioned, signal } = this.parts;
    if (shared === undefined) throw new AppError('internal.bug', 'a bucket is backed up without shared objects');
    this.copied = new CopyObjects({ dataset, client, isVersioned, signal, shared: await shared() });
    await this.copied.run();
  }

  async facts(): Promise<BucketFacts> {
    const { dataset, takenAt, isVersioned } = this.parts;
    const { bucket, prefix } = dataset.place;
    const server = toPlaceName({ ...dataset.place, bucket: '', prefix: '' });
    if (this.copied === undefined) throw new AppError('internal.bug', 'facts were asked for before the objects');
    return { takenAt, bucket, prefix, server, isVersioned, ...this.copied.facts() };
  }

  async close(): Promise<void> {
    this.parts.stop.abort(new Error('the backup was closed'));
    this.parts.client.close();
  }
}
