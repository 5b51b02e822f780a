import type { Readable } from 'node:stream';

/** Path of an object below the repository's prefix: `shop/0198…/a1-3f9c/database.dump.zst`. */
export type ObjectKey = string;

export interface StoredObject {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  /** By the storage's clock. */
  readonly modifiedAt: Date;
}

/** An object that was looked at by itself; listings do not tell of locks. */
export interface StatedObject extends StoredObject {
  /** Until when the storage refuses to remove it; null: nothing locks it, or these keys may not know. */
  readonly lockedUntil: Date | null;
}

/** What a removal gave back. */
export interface RemovedObject {
  /** Of all its versions; null where the storage does not say. */
  readonly sizeBytes: number | null;
  /** false: the object is hidden, and a version stays; null: the storage does not say whether it keeps one. */
  readonly isFreed: boolean | null;
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
  /** Called with the bytes accepted by the storage so far. */
  readonly onProgress?: (bytes: number) => void;
  /** The storage keeps the object at least until then. Only where the repository has a `lock`; below `_control/` only what probes it. */
  readonly retainUntil?: Date | undefined;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
}

export interface ListOptions extends ReadOptions {
  /** Only what of the folder has a name that begins so, without looking at the rest. */
  readonly namePrefix?: string;
}

export interface RepositoryTraits {
  readonly conditionalPut: boolean;
  /** Whether the storage may keep versions of what is deleted; null: it does not say. */
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

/** How the storage keeps objects from being removed or replaced, from the configuration. */
export interface RepositoryLock {
  /** The terms of S3: a special right ends a `governance` lock early, nothing ends a `compliance` lock. */
  readonly mode: 'governance' | 'compliance';
  /** By dataset: how long its retention keeps a backup at least. */
  readonly periods: Readonly<Record<string, LockPeriod>>;
}

export interface LockPeriod {
  readonly regularMs: number;
  readonly safetyMs: number;
}

/** For what is to go whenever it was hidden. */
export const END_OF_TIME = new Date(8.64e15);

/** Where backups live. Every implementation passes testing/backup-repository-contract.ts. */
export abstract class BackupRepository {
  constructor(
    readonly encryption: RepositoryEncryption = { recipients: [] },
    readonly lock?: RepositoryLock | undefined,
  ) {}

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
   * Throws: repository.unavailable, repository.denied, repository.missing (bucket or root), repository.exists, repository.lock-missing; or
   * the body's own error.
   */
  abstract put(key: ObjectKey, body: Readable | Uint8Array, o: PutOptions): Promise<WrittenObject>;

  /** The object's bytes; the stream errors when it ends early. Throws: repository.object-missing. */
  abstract get(key: ObjectKey, o: ReadOptions): Promise<Readable>;

  /** Undefined when absent, also when it is hidden. */
  abstract stat(key: ObjectKey, o: ReadOptions): Promise<StatedObject | undefined>;

  /** Everything below a folder (`shop` never means `shop2`; empty: all), in key order; unfinished writes are never listed. */
  abstract list(prefix: string, o: ListOptions): AsyncIterable<StoredObject>;

  /**
   * Removes the object for good: in a bucket that keeps versions every version of it and every delete marker, the current one last.
   * Idempotent: absent counts as removed. Below `_control/` an object whose versions stay is hidden at least, and that is no error; elsewhere
   * nothing is hidden. Outside of `_control/` with the credential that deletes.
   * Throws: repository.locked when a retention lock holds; repository.delete-denied, repository.versions-denied.
   */
  abstract remove(key: ObjectKey, o: ReadOptions): Promise<RemovedObject>;

  /**
   * Asks whether `remove` would be allowed to remove such an object, before anything is promised; changes nothing, and says nothing about
   * locks. Throws: repository.delete-denied, repository.versions-denied; repository.denied for a directory.
   */
  abstract requireRemovable(key: ObjectKey, o: ReadOptions): Promise<void>;

  /**
   * Removes for good what is below the folder and hidden since before `olderThan`: versions that newer ones or delete markers cover. What a
   * lock keeps is left. Only for what is decided to go: a hidden object may be one that an attacker has hidden. Returns how many versions.
   * Throws: repository.versions-denied.
   */
  abstract removeHidden(prefix: string, olderThan: Date, o: ReadOptions): Promise<number>;

  /**
   * Locks an object until then that is there already: a newer backup refers to it. Never shortens a lock. Does nothing where the
   * repository has no `lock`. Throws: repository.object-missing, repository.denied, repository.lock-missing.
   */
  abstract extendRetention(key: ObjectKey, until: Date, o: ReadOptions): Promise<void>;

  /** Gives back what writers that died left below the prefix and started before `olderThan`: open multipart uploads, temporary files. */
  abstract abortUnfinished(prefix: string, olderThan: Date, o: ReadOptions): Promise<number>;

  /** Sockets and agents. */
  abstract close(): Promise<void>;
}
