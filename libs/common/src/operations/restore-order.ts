import type { Manifest } from '#common/contracts/manifest.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import type { RestoreIdentity } from '#common/engines/postgres/restore/restore-sessions.js';

/** Which backup goes where, and which attempt of which run brings it there. */
export interface RestoreOrder {
  readonly manifest: Manifest;
  readonly target: PostgresTarget;
  readonly database: string;
  readonly strategy: 'new' | 'in-place';
  readonly identity: RestoreIdentity;
}

export interface RestoreProgress {
  readonly stage: 'spool' | 'restore' | 'analyze';
  readonly bytes: number;
  readonly totalBytes: number | null;
}
