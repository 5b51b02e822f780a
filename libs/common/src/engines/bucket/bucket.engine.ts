import type { Engine } from '#common/engines/engine.js';
import type { Summary } from '#common/engines/summary.js';
import { withBucket } from './bucket-client.js';
import type { BucketDataset, BucketTarget } from './bucket-dataset.js';
import { bucketDataset, bucketTarget } from './bucket-options.js';
import { placeOf, toDestinationName, toPlaceName, toPlaceText } from './bucket-place.js';
import { datasetChecks, measureBucket, targetChecks } from './checks/bucket-checks.js';
import { BucketFacts } from './facts.js';
import { listBucket } from './listing.js';
import { MirrorArchiver } from './mirror/mirror.archiver.js';
import { ReplicaMethod } from './mirror/replica.method.js';
import { inventoryProbe } from './probes/inventory.probe.js';
import { mediaProbe } from './probes/media.probe.js';
import { BucketRestoreDriver } from './restore/bucket-restore.driver.js';
import { SnapshotMethod } from './snapshot/snapshot.method.js';

export type BucketEngine = Engine<BucketDataset, BucketTarget, BucketFacts>;

/** Buckets of S3 and of servers that speak its protocol, or what lies below a prefix of one. */
export const bucket: BucketEngine = {
  kind: 'bucket',
  dataset: bucketDataset,
  target: bucketTarget,
  facts: BucketFacts,
  methods: [new SnapshotMethod(), new ReplicaMethod()],
  restores: [new BucketRestoreDriver('snapshot'), new BucketRestoreDriver('replica')],
  archivers: [new MirrorArchiver()],
  probes: [inventoryProbe, mediaProbe],
  place: ({ place }) => toPlaceName(place),
  toDestination: (wanted, { place }) => toDestinationName(wanted ?? place.prefix),
  toDrillDestination: (runId, attempt) => `drill-${runId}-${attempt}`,
  assertThere,
  forbidden: () => [],
  toSafetyDataset: (dataset, target, destination) => ({
    ...{ ...dataset, place: placeOf(target.place, destination), mayBeEmpty: true, mirror: undefined },
  }),
  checks: {
    dataset: datasetChecks,
    target: targetChecks,
    measure: measureBucket,
    hostNames: ({ place }) => [new URL(place.endpoint ?? 'https://s3.amazonaws.com').hostname],
  },
  summarise: toSummary,
};

/** A prefix is there as soon as its bucket is. */
function assertThere({ place }: BucketTarget, destination: string, signal: AbortSignal): Promise<void> {
  const { prefix } = placeOf(place, destination);
  return withBucket(place, async (client) => {
    await listBucket(client, { prefix, withVersions: false, pageSize: 1, signal }).next();
  });
}

function toSummary({ takenAt, objects, bytes, read, warnings, ...facts }: BucketFacts): Summary {
  return {
    snapshotAt: takenAt,
    source: `${toPlaceText(facts)} at ${facts.server}`,
    sourceSizeBytes: bytes,
    counts: { objects, read },
    varying: ['read'],
    warnings,
  };
}
