import type { OpenManifest } from '#common/contracts/manifest.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import type { BucketPlace } from './bucket-place.js';
import type { BucketFacts } from './facts.js';

/** A bucket, or a part of one, to protect. */
export interface BucketDataset extends ProtectedDataset {
  readonly place: BucketPlace;
  /** with-content: read beside the content, and again only with it; all: of every object, each time. */
  readonly tags: 'with-content' | 'all' | 'none';
  /** Whether it may have become empty since the last backup. */
  readonly mayBeEmpty: boolean;
  readonly mirror: BucketMirror | undefined;
}

/** Where a second copy of the bucket is kept up to date, by Holdfast or by the server. */
export interface BucketMirror {
  readonly place: BucketPlace;
  /** copy: Holdfast copies; watch: the server replicates, and Holdfast compares. */
  readonly mode: 'copy' | 'watch';
  readonly everyMs: number;
  /** For so long an object that the source lacks stays in the replica. */
  readonly deleteAfterMs: number;
  readonly lagAfterMs: number;
}

/** A bucket, or a part of one, to restore to. */
export interface BucketTarget extends RestoreTarget {
  readonly place: BucketPlace;
}

export type BucketManifest = OpenManifest<BucketFacts>;
