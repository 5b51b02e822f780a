import { withBucket } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset, BucketManifest, BucketTarget } from '#common/engines/bucket/bucket-dataset.js';
import { type BucketPlace, placeOf } from '#common/engines/bucket/bucket-place.js';
import { toEntries } from '#common/engines/bucket/entry.js';
import { type BucketFacts, type Noted, NotedKeys } from '#common/engines/bucket/facts.js';
import { listBucket } from '#common/engines/bucket/listing.js';
import { replicaOf } from '#common/engines/bucket/mirror/replica-place.js';
import type {
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoredBy,
  RestoreOrder,
  RestoreQuestion,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import type { Findings } from '#common/engines/findings.js';
import type { Material } from '#common/engines/material.js';
import { AppError } from '#common/errors/app-error.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import { BucketFence, breakLocks } from './bucket-fence.js';
import { BucketParts } from './bucket-parts.js';
import { type Compared, comparePlace } from './compare.js';
import { type Content, toStoredContent } from './content.js';
import { KeyForms } from './key-forms.js';
import { ReplicaContent } from './replica-content.js';
import { type BucketRestorePlan, describePlan, isEmpty, previewRestore } from './restore-plan.js';
import { WriteObjects } from './write-objects.js';
import { WrittenKeys } from './written-keys.js';

type Order = RestoreOrder<BucketTarget, BucketFacts>;
type Work = RestoreWork<BucketRestorePlan, BucketFence>;

const IN_FLIGHT = 16;
/** What stays behind, a later attempt of the run recognises. */
const UNDO_MS = 120_000;
const UNDO_WHEN_STOPPED_MS = 8_000;

/**
 * Brings snapshots back: `new` into a place that is empty, `sync` writes what differs and leaves other objects, `mirror` removes them at the end; of parts of a backup
 * they touch what the parts name and nothing else. Objects
 * become visible one by one: a bucket knows no transaction. A `new` that fails removes what it wrote; the others go on where they stopped.
 */
export class BucketRestoreDriver implements RestoreDriver<BucketTarget, BucketFacts, BucketRestorePlan, BucketFence> {
  readonly method: 'snapshot' | 'replica';
  readonly strategies = ['new', 'sync', 'mirror'];
  readonly findings = {
    extraObjects: 'left as they were, not in the backup',
    removedObjects: 'removed, not in the backup',
    withoutTags: 'restored without their tags, which the server does not take',
  };
  readonly describe = describePlan;

  /** `snapshot`: content comes from the repository; `replica`: from where it lies. */
  constructor(method: 'snapshot' | 'replica') {
    this.method = method;
  }

  /** Every text is a key, or what keys begin with. */
  assertParts(): void {}

  /** Throws: request.invalid, bucket.*, backup.corrupt. */
  plan(question: RestoreQuestion<BucketTarget, BucketFacts>, signal: AbortSignal): Promise<BucketRestorePlan> {
    return previewRestore(question, { replica: this.replica(question, signal), signal });
  }

  fence({ target, destination, identity }: Order, o: FenceOptions): Promise<BucketFence> {
    return BucketFence.open(placeOf(target.place, destination), identity, o);
  }

  /** The mark is kept when the last object was seen. */
  async isDone(): Promise<boolean> {
    return true;
  }

  /** Everything below the prefix, which was empty before the drill. */
  discard({ target, destination }: RestoredBy<BucketTarget>, _mark: string | null, signal: AbortSignal): Promise<void> {
    const { prefix } = placeOf(target.place, destination);
    return withBucket(target.place, (client) =>
      inFlight(listBucket(client, { prefix, withVersions: false, signal }), IN_FLIGHT, ({ key }) =>
        client.remove(key, signal),
      ),
    );
  }

  /** Throws: bucket.*, backup.corrupt, claim.lost; repository.*; the abort reason. */
  async apply(order: Order, work: Work, signal: AbortSignal): Promise<void> {
    try {
      await this.restore(order, work, signal);
    } catch (error) {
      // A stream that was stopped says no more than that.
      signal.throwIfAborted();
      throw error;
    }
  }

  private async restore(order: Order, work: Work, signal: AbortSignal): Promise<void> {
    const { target, destination, strategy, manifest } = order;
    const { fence, material, plan } = work;
    const place = placeOf(target.place, destination);
    const { client } = fence;
    const parts = new BucketParts(order.parts);
    const { forms, totalBytes } = await survey(manifest, material, { place, parts });
    await forms.assertHeld(client, signal);
    if (strategy !== 'new' && plan.exists) await material.safety();
    if (strategy === 'new') await fence.setFilling(true);
    const content = this.replica(order, signal) ?? toStoredContent(material);
    const written = new WrittenKeys(material.folder);
    try {
      await this.fill(order, { ...work, place, parts, content, totalBytes, written }, signal);
    } catch (error) {
      if (fence.isFilling) await undo(written, { ...work, place }, signal).catch(() => undefined);
      throw error;
    } finally {
      content.close();
    }
  }

  /** Undefined for a snapshot. Throws: config.invalid. */
  private replica(
    { manifest, archive }: Pick<Order, 'manifest' | 'archive'>,
    signal: AbortSignal,
  ): ReplicaContent | undefined {
    if (this.method === 'snapshot') return undefined;
    if (archive === undefined)
      throw new AppError('internal.bug', 'a replica is restored from without the configuration of its dataset');
    return new ReplicaContent(replicaOf(archive.dataset as BucketDataset, manifest.snapshot).place, signal);
  }

  remarks(): Findings {
    return {};
  }

  end({ place }: BucketTarget, { runId, attempt }: AttemptIdentity, signal: AbortSignal): Promise<void> {
    return withBucket(place, async (client) => {
      const isMeant = (lock: AttemptIdentity) => lock.runId === runId && lock.attempt <= attempt;
      await breakLocks(client, { isMeant, keep: true }, signal);
    });
  }

  sweep({ place }: BucketTarget, stateOf: StateOf, signal: AbortSignal): Promise<Swept> {
    return withBucket(place, async (client) => {
      const isMeant = async ({ runId }: AttemptIdentity) => (await stateOf(runId)) === 'over';
      return { ended: await breakLocks(client, { isMeant, keep: false }, signal), removed: [], failed: [] };
    });
  }

  private async fill(
    { strategy }: Order,
    { place, parts, content, totalBytes, fence, material, remember, onProgress, written }: Filling,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = fence;
    onProgress({ stage: 'objects', bytes: 0, totalBytes });
    signal.throwIfAborted();
    const writing = new WriteObjects({
      fence,
      place,
      parts,
      content,
      material,
      totalBytes,
      onProgress,
      written,
      signal,
    });
    await writing.write();
    await writing.verify();
    const extra = new NotedKeys();
    const removes = strategy === 'mirror';
    const compared = comparePlace(client, material.inventory(), { place, parts, signal });
    await inFlight(extrasOf(compared), IN_FLIGHT, async (key) => {
      extra.add(key);
      if (!removes) return;
      fence.assertHeld();
      await client.remove(place.prefix + key, signal);
    });
    const names = toNames(extra.toJSON());
    const findings = {
      ...{ extraObjects: removes ? [] : names, removedObjects: removes ? names : [] },
      withoutTags: toNames(writing.withoutTags),
    };
    if (fence.isFilling) await fence.setFilling(false);
    await remember({ findings, doneMark: 'whole' });
  }
}

interface Filling extends Work {
  readonly place: BucketPlace;
  readonly parts: BucketParts;
  readonly content: Content;
  readonly totalBytes: number;
  readonly written: WrittenKeys;
}

interface Survey {
  /** Of the keys that come back. */
  readonly forms: KeyForms;
  readonly totalBytes: number;
}

/** Reads everything that the backup lists before anything is written. Throws: backup.corrupt; repository.*. */
async function survey(
  { objects, inventory, backupId }: BucketManifest,
  material: Material,
  { place: { prefix }, parts }: Pick<Filling, 'place' | 'parts'>,
): Promise<Survey> {
  for (const { name } of objects) {
    const raw = name.replace(/(\.zst)?(\.age)?$/, '');
    if (raw !== 'inventory.ndjson') for await (const _ of await material.open(raw));
  }
  const forms = new KeyForms();
  let [entries, totalBytes] = [0, 0];
  for await (const { key, size } of toEntries(material.inventory())) {
    entries += 1;
    if (!parts.has(key)) continue;
    totalBytes += size;
    if (prefix + key === '') throw new AppError('bucket.key', 'an object has no key where nothing stands before it');
    forms.add(prefix + key);
  }
  if (entries === (inventory?.entries ?? 0)) return { forms, totalBytes };
  throw new AppError('backup.corrupt', `the inventory of backup ${backupId} has ${entries} entries`, { backupId });
}

/** What this attempt wrote into a place that was empty. What an earlier one wrote and died over stays, for the next attempt to go on with. */
async function undo(
  written: WrittenKeys,
  { fence, place }: Work & { place: BucketPlace },
  stopped: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.timeout(stopped.aborted ? UNDO_WHEN_STOPPED_MS : UNDO_MS);
  await inFlight(written.all(), IN_FLIGHT, (key) => {
    fence.assertHeld();
    return fence.client.remove(key, signal);
  });
  await fence.setFilling(!(await isEmpty(fence.client, place, signal)));
}

async function* extrasOf(compared: AsyncIterable<Compared>): AsyncGenerator<string> {
  for await (const { right, likeness } of compared) if (likeness === 'extra' && right !== undefined) yield right.key;
}

const toNames = ({ count, keys }: Noted): string[] => [
  ...keys.map((key) => JSON.stringify(key)),
  ...(count > keys.length ? [`and ${count - keys.length} more`] : []),
];
