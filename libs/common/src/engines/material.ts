import type { Readable } from 'node:stream';
import type { InventoryEntry, SharedRef } from '#common/contracts/shared-ref.js';
import type { Command } from '#common/process/command.js';
import type { SharedMaterial } from './shared-objects.js';

/** The objects of the backup, on demand. A driver takes what it needs, when it needs it; every byte is checked before it is used. */
export interface Material extends SharedMaterial {
  /** The objects of a backup that this one builds on. Throws: backup.missing, backup.damaged, sealing.*; repository.*. */
  needed(backupId: string): Promise<Pick<Material, 'open' | 'pipe'>>;
  /** A file of its own, unsealed; `name` is the object's unsealed name. Throws: backup.corrupt, restore.spool-full, sealing.*; repository.*. */
  spool(name: string): Promise<string>;
  /** The same as a stream, which errors at its end when the stored bytes are not those of the manifest. */
  open(name: string): Promise<Readable>;
  /** The same through a program, from one kernel pipe to the next, until it exited 0. Throws: backup.corrupt, engine.exit, sealing.*; repository.*. */
  pipe(name: string, through: Command): Promise<void>;
  /** What a backup that shares content holds, sorted by key, from the beginning each time. Throws while it is read: backup.corrupt; repository.*. */
  inventory(): AsyncIterable<InventoryEntry>;
  /** One shared content, as the operation `openShared` gives it. Throws, here or from the stream: backup.corrupt; repository.*. */
  shared(ref: SharedRef): Promise<Readable>;
  /** A folder for files of the driver's own; it goes away with the attempt. */
  readonly folder: string;
  /** Takes the safety backup, if one is wanted and no earlier attempt took it. Returns its id; null: declined. */
  safety(): Promise<string | null>;
}

export interface RestoreProgress {
  /** `spool`, `safety`, what the driver calls its steps. */
  readonly stage: string;
  readonly bytes: number;
  /** null: unknown. */
  readonly totalBytes: number | null;
}
