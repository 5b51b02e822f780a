import type { Manifest, OpenManifest } from '#common/contracts/manifest.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import type { RestoreIdentity } from '#common/engines/postgres/restore/restore-sessions.js';

/** Which backup goes where, and which attempt of which run brings it there. */
export interface RestoreOrder {
  readonly manifest: OpenManifest;
  readonly target: PostgresTarget;
  readonly database: string;
  readonly strategy: 'new' | 'in-place';
  readonly identity: RestoreIdentity;
}

/** As it is asked for: the facts of an encrypted backup are still inside its seal. */
export type SealedRestoreOrder = Omit<RestoreOrder, 'manifest'> & { readonly manifest: Manifest };

export interface RestoreProgress {
  readonly stage: 'spool' | 'restore' | 'analyze';
  readonly bytes: number;
  readonly totalBytes: number | null;
}
