import type { Readable } from 'node:stream';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Sealing } from '#common/sealing/sealing.js';

/** A dataset whose source may hand files over, and where they go. */
export interface DeskPlace<D extends { readonly name: string }> {
  readonly dataset: D;
  readonly repository: BackupRepository;
  readonly sealing: Sealing;
}

/** A file that a program beside a source asks about. */
export interface LocalFile {
  /** Which source it is, by its own identity. */
  readonly source: string;
  /** The source's own name for the file. */
  readonly name: string;
}

export interface PushedBody {
  readonly sizeBytes: number;
  readonly stream: Readable;
  /** What tells this very file from any other that had or will have its name; undefined: the client does not say. */
  readonly identity?: string | undefined;
  /** The source has not asked for it yet: it is taken when there is room at once, and stored whether or not the client waits. */
  readonly isAhead?: boolean | undefined;
  /** Asks the client for the bytes. */
  readonly begin?: (() => void) | undefined;
}

export interface PushSignals {
  readonly stopping: AbortSignal;
  /** Fires also when the client has gone. */
  readonly signal: AbortSignal;
}

/** What programs beside a source ask of an executor on the same machine. */
export interface LocalDesk {
  /**
   * Resolves when the file is stored, also when an earlier push of the same identity stored it; one that is ahead resolves when another push is storing it.
   * Throws: the codes of the archiver, wal.busy for one that is ahead and finds no room; repository.*.
   */
  push(file: LocalFile, body: PushedBody, signals: PushSignals): Promise<void>;
  /** Undefined: it is not there, for certain. Throws: the codes of the archiver, backup.corrupt, sealing.*; repository.*. */
  fetch(file: LocalFile, signal: AbortSignal): Promise<Buffer | undefined>;
}
