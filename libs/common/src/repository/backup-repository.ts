import type { Readable } from 'node:stream';

/** Path of an object below the repository's prefix: `shop/0198…/a1-3f9c/database.dump.zst`. */
export type ObjectKey = string;

export interface StoredObject {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  /** By the store's clock. */
  readonly modifiedAt: Date;
}

/** What was stored, as counted and digested on the way. */
export interface WrittenObject {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  /** Refuse to replace: throws `repository.exists`. Needs no trait: without conditional writes it is checked before, and said so. */
  readonly ifAbsent?: boolean;
  /** Called with the bytes accepted by the store so far. */
  readonly onProgress?: (bytes: number) => void;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
}

export interface RepositoryTraits {
  readonly conditionalPut: boolean;
  /** Whether the store may keep versions of what is deleted; null: it does not say. */
  readonly versioning: boolean | null;
  readonly objectLock: boolean;
  /** What one object can hold; null where only the disk limits it. */
  readonly maxObjectBytes: number | null;
}

/** Who may read what the repository holds; from the configuration only, never from the repository itself. */
export interface RepositoryEncryption {
  /** Public keys of age, `age1…`; without any, backups are compressed only. */
  readonly recipients: readonly string[];
  /** The text of an age identity file, where restores run: `AGE-SECRET-KEY-1…`, one a line. */
  readonly identity?: string | undefined;
  /** The text of a second identity, which executors hold: it opens inventories, and names shared objects. */
  readonly indexIdentity?: string | undefined;
}

/** Where backups live. Every implementation passes testing/backup-repository-contract.ts. */
export abstract class BackupRepository {
  constructor(readonly encryption: RepositoryEncryption = { recipients: [] }) {}

  /** As named in the configuration. */
  abstract readonly name: string;

  /** For people: `s3://holdfast/prod at https://s3.example`, never with a key. */
  abstract readonly location: string;

  /** Discovered, save for what the configuration says of parts. Throws: repository.*. */
  abstract traits(o: ReadOptions): Promise<RepositoryTraits>;

  /**
   * Visible only when whole: an abort or a failing body leaves nothing readable and no open upload. A rejection after the body
   * has ended (the answer was lost, or the abort came with it) may leave the whole object; it is never taken away again, for
   * another attempt may have adopted it.
   * Throws: repository.unavailable, repository.denied, repository.missing (bucket or root), repository.exists; or the body's own error.
   */
  abstract put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject>;

  /** The object's bytes; the stream errors when it ends early. Throws: repository.object-missing. */
  abstract get(key: ObjectKey, o: ReadOptions): Promise<Readable>;

  /** Undefined when absent. */
  abstract stat(key: ObjectKey, o: ReadOptions): Promise<StoredObject | undefined>;

  /** Everything below a folder (`shop` never means `shop2`; empty: all), in key order; unfinished writes are never listed. */
  abstract list(prefix: string, o: ReadOptions): AsyncIterable<StoredObject>;

  /** Idempotent: absent counts as removed. Throws: repository.locked when a retention lock holds. */
  abstract remove(key: ObjectKey, o: ReadOptions): Promise<void>;

  /** Gives back what writers that died left below the prefix and started before `olderThan`: open multipart uploads, temporary files. */
  abstract abortUnfinished(prefix: string, olderThan: Date, o: ReadOptions): Promise<number>;

  /** Sockets and agents. */
  abstract close(): Promise<void>;
}
