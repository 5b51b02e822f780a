import type { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Sealing } from '#common/sealing/sealing.js';
import type { DeskPlace, LocalDesk } from './local-desk.js';

/** What is known of an archiver's work. */
export interface ArchiverWatch {
  /** Everything that the source had at the instant, by its own clock, is stored. */
  onComplete(upTo: { readonly position: string; readonly at: Date }): void;
  /** What the source has and the repository does not. */
  onBehind(state: { readonly bytes: number; readonly outage: AppError | undefined }): void;
  /** Something is gone for good, and nothing before it leads to what comes after. */
  onGap(gap: ArchiveGap): Promise<void>;
  /** What the last look at the source counted, by names of the archiver’s own. */
  onCounts?(counts: Readonly<Record<string, number>>): void;
  /** A try ended; another begins a little later. */
  onInterrupted(error: unknown): void;
}

export interface ArchiveGap {
  /** In the source's own words: a cluster, a stream. */
  readonly source: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  /** The method whose next backup begins anew behind the gap. */
  readonly mendedBy: string;
}

export interface ArchiverOptions {
  readonly signal: AbortSignal;
  readonly repository: BackupRepository;
  readonly sealing: Sealing;
  readonly clock: () => Date;
  readonly watch: ArchiverWatch;
}

/** Copies what a source writes, all the time, into the repository. One process at a time runs it for a dataset. */
export interface Archiver<D extends { readonly name: string }> {
  readonly name: string;
  /** A restore replays what it stored, up to a moment; otherwise it keeps a second copy. */
  readonly isReplayed: boolean;
  /** Whether the dataset asks for it. */
  isWanted(dataset: D): boolean;
  /** For how long it may be behind before an event says so. Default: a minute. */
  lagAfterMs?(dataset: D): number | undefined;
  /** Until the signal fires; failures of source and storage are waited for. Begins where the repository ends. Throws: the abort reason. */
  run(dataset: D, o: ArchiverOptions): Promise<never>;
  /** Where sources hand files over by themselves: what takes them, for every dataset that asks for it. */
  openDesk?(places: readonly DeskPlace<D>[]): LocalDesk;
}
