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
}

/** A bucket, or a part of one, to restore to. */
export interface BucketTarget extends RestoreTarget {
  readonly place: BucketPlace;
}

export type BucketManifest = OpenManifest<BucketFacts>;
