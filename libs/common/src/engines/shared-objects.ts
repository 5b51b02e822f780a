import type { Readable } from 'node:stream';
import type { InventoryEntry, SharedRef } from '#common/contracts/shared-ref.js';

/** Content that the backups of a dataset share, each stored once, and the inventory of what one backup holds. */
export interface SharedObjects {
  /** The backup that this one continues; undefined: all content is new. */
  readonly parent: SharedParent | undefined;
  /**
   * Stores a content unless the dataset has it. `open` is called when there is room, so that thousands may be asked for at once. Resolves when the
   * storage has all of it. Throws: what `open` and its stream throw; engine.*, repository.*.
   */
  put(open: () => Promise<Readable | Uint8Array>): Promise<SharedRef>;
  /** Adds one line to the inventory, in any order. Its content was put before or comes from the inventory of the parent. */
  list(entry: InventoryEntry): void;
}

export interface SharedParent {
  readonly backupId: string;
  /** Sorted by key, by code points. An entry whose content the repository has lost is left out: it has to be put again. Throws: backup.corrupt; repository.*. */
  inventory(): AsyncIterable<InventoryEntry>;
}

/** What a restore reads of it. */
export interface SharedMaterial {
  /** What the backup holds, sorted by key; empty for kinds whose backups share nothing. Throws: backup.corrupt; repository.*. */
  inventory(): AsyncIterable<InventoryEntry>;
  /** Content that an inventory names. A small one is checked before it is handed over, a large stream errors at its end. Throws: backup.corrupt; repository.*. */
  shared(ref: SharedRef): Promise<Readable>;
}
