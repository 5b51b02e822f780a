import type { Readable } from 'node:stream';
import type { Manifest, OpenManifest } from '#common/contracts/manifest.js';

export interface WantedEarlier {
  readonly methods: readonly string[];
  /** Asked of good backups, the newest first, until one is; what is sealed of a manifest is not known yet. */
  isFit(manifest: Manifest): boolean;
}

/** A backup of the same dataset that was made before and is good, to its beginning. */
export interface EarlierBackup {
  readonly manifest: OpenManifest;
  /** One of its objects, unsealed; errors at its end when the stored bytes are not those of the manifest. Throws: repository.*, sealing.*. */
  open(name: string): Promise<Readable>;
}

/** The newest that fits. Throws: sealing.* where it cannot be opened here; repository.*. */
export type FindEarlier = (wanted: WantedEarlier) => Promise<EarlierBackup | undefined>;
