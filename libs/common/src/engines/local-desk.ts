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
}

/** What programs beside a source ask of an executor on the same machine. */
export interface LocalDesk {
  /** Resolves when the file is stored. Throws: the codes of the archiver; repository.*. */
  push(file: LocalFile, body: PushedBody, signal: AbortSignal): Promise<void>;
  /** Undefined: it is not there, for certain. Throws: the codes of the archiver, backup.corrupt, sealing.*; repository.*. */
  fetch(file: LocalFile, signal: AbortSignal): Promise<Buffer | undefined>;
}
