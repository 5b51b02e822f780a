import type { OpenManifest } from '#common/contracts/manifest.js';
import type { InventoryEntry } from '#common/contracts/shared-ref.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Keyring } from '#common/sealing/keyring.js';

/** What a restored system is held against, and where it is; dataset, target and facts are those of the backup's kind. */
export interface ProbeContext<D extends object = object, T extends object = object, F extends object = object> {
  /** The expected facts, taken in the backup's own snapshot. */
  readonly manifest: OpenManifest<F>;
  /** As configured today. */
  readonly dataset: D;
  readonly target: T;
  /** Of the target: what was restored. */
  readonly destination: string;
  readonly repository: BackupRepository;
  /** What opens the objects of an encrypted backup. */
  readonly keyring: Keyring;
  /** Of a backup that shares content: what it holds, sorted by key. Throws while it is read: backup.corrupt; repository.*. */
  inventory(signal: AbortSignal): AsyncIterable<InventoryEntry>;
  readonly signal: AbortSignal;
}
