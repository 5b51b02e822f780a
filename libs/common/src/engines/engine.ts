import type { Readable } from 'node:stream';
import type { ZodType } from 'zod';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { ManifestObject, OpenManifest, RequiredRange } from '#common/contracts/manifest.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { InventoryEntry } from '#common/contracts/shared-ref.js';
import type { AppError } from '#common/errors/app-error.js';
import type { Refusals } from '#common/errors/refusals.js';
import type { Probe } from '#common/probes/define-probe.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Keyring } from '#common/sealing/keyring.js';
import type { Sealing } from '#common/sealing/sealing.js';
import type { Archiver } from './archiver.js';
import type { EngineChecks } from './check.js';
import type { FindEarlier } from './earlier-backup.js';
import type { Findings, Remember } from './findings.js';
import type { FlushOptions } from './flush-options.js';
import type { KeptPlaces } from './kept.js';
import type { Material, RestoreProgress } from './material.js';
import type { Options } from './options.js';
import type { Rebuild } from './rebuild.js';
import type { SharedObjects } from './shared-objects.js';
import type { Summary } from './summary.js';

/** One protected thing, as far as every kind of dataset has it. */
export interface ProtectedDataset {
  readonly name: string;
  /** zstd level and threads of the compressing child. */
  readonly compression: { readonly level: number; readonly threads: number };
}

/**
 * One kind of dataset. An engine owns what is special to its kind: options, snapshot and facts, what a backup's objects are, how they come
 * back, the last commands by hand. The core owns the rest: attempts, holds, sealing, digests, the manifest's envelope, catalog and events.
 * The registry (engines.ts) is the only list of kinds.
 */
export interface Engine<
  D extends ProtectedDataset = ProtectedDataset,
  T extends RestoreTarget = RestoreTarget,
  F extends object = object,
> extends TargetKind<D, T, F> {
  readonly dataset: Options<ProtectedDataset, D>;
  /** What a snapshot holds, as the manifest keeps it. */
  readonly facts: ZodType<F>;
  /** The first is the default. */
  readonly methods: readonly [BackupMethod<D, F>, ...BackupMethod<D, F>[]];
  /** Other places than servers of this kind to which its backups are restored. */
  readonly otherTargets?: readonly TargetKind<D, RestoreTarget, F>[];
  readonly archivers?: readonly Archiver<D>[];
  /** What only this kind is asked after a restore. */
  readonly probes: readonly Probe[];
  /** The server, `host:port`: whose slots a backup takes, and beside which destinations differ. */
  place(of: D | T): string;
  /** A destination as what is backed up before a restore replaces it: by the role and with the tools of the target. */
  toSafetyDataset(dataset: D, target: T, destination: string): D;
  readonly checks: EngineChecks<D, T>;
  /** Removes what dead processes of this machine left besides what drivers sweep. Returns its names. */
  sweepMachine?(): Promise<readonly string[]>;
  /** For lists and events, which never read facts. */
  summarise(facts: F): Summary;
}

/** A kind of place to which backups are restored: a server of the kind that was backed up, or what the engine knows besides. */
export interface TargetKind<
  D extends ProtectedDataset = ProtectedDataset,
  T extends RestoreTarget = RestoreTarget,
  F extends object = object,
> {
  readonly kind: string;
  readonly target: Options<RestoreTarget, T>;
  readonly restores: readonly RestoreDriver<T, F>[];
  /** Beside which destinations differ. */
  place(of: T): string;
  /** Where a restore goes; a request may leave it out. Throws: request.invalid. */
  toDestination(wanted: string | undefined, dataset: D): string;
  /** A destination that no other restore ever has, for a drill. Absent: a drill names one that is empty, the number of a database. */
  toDrillDestination?(runId: string, attempt: number): string;
  /** Throws where the destination is missing or cannot be reached: the engine's own codes. */
  assertThere(target: T, destination: string, signal: AbortSignal): Promise<void>;
  /** Destinations that no request may ever name: the server's own, and those of the catalog, whose URL is given. */
  forbidden(target: T, catalogUrl: string | undefined): readonly string[];
  /**
   * Removes what a destination holds, all of it or what a pattern by the rules of the kind matches: for caches, after a restore of what they
   * were made from. Returns how much went, or would go. Absent: nothing of this kind is a cache. Throws: the engine's own codes.
   */
  flush?(target: T, destination: string, o: FlushOptions): Promise<number>;
  /** What restores put aside. Absent: none of this kind puts anything aside. */
  readonly kept?: KeptPlaces<T>;
  /** Makes anew what was made of something else, in place of what is there. Absent: nothing of this kind is. */
  readonly rebuild?: Rebuild<D, T>;
  readonly checks: Pick<EngineChecks<D, T>, 'target'>;
  /**
   * Lets the probes of the engine at what was restored, where they know it: as a target and a destination of the engine's own kind. Absent: they
   * are that already. Throws: the engine's own codes; what `work` throws.
   */
  whileAsked?<R>(
    restored: RestoredPlace<D, T, F>,
    signal: AbortSignal,
    work: (place: ProbedPlace) => Promise<R>,
  ): Promise<R>;
}

export interface RestoredPlace<D, T, F extends object> extends ProbedPlace {
  readonly target: T & RestoreTarget;
  readonly dataset: D;
  readonly manifest: OpenManifest<F>;
}

export interface ProbedPlace {
  readonly target: RestoreTarget;
  readonly destination: string;
}

/** Where the dataset's topics stand; undefined for a dataset without topics. */
export type ReadBusPosition = (o: { readonly signal: AbortSignal }) => Promise<BusPosition | undefined>;

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** `tail()` goes behind a chain of children, in the same tick; `bytes()` seals what is small. */
  readonly sealing: Sealing;
  /** `safety`: taken of a target before a restore in place replaces it. */
  readonly purpose: 'regular' | 'safety';
  /** Called when writers are kept out and the snapshot is not taken yet; again when that has to be begun anew. */
  readonly readBusPosition?: ReadBusPosition | undefined;
  readonly onStage?: (stage: string) => void;
  /** For kinds whose backups share content; nothing is prepared for those that never ask. Throws: config.invalid, repository.*. */
  readonly shared?: (() => Promise<SharedObjects>) | undefined;
  /** For methods that build on earlier backups. */
  readonly findEarlier?: FindEarlier | undefined;
  /** What the source's administrator sees of us: run and attempt. */
  readonly applicationName?: string | undefined;
}

/** One way to back up a kind of dataset. */
export interface BackupMethod<D extends ProtectedDataset, F extends object> {
  readonly name: string;
  /** Its backups share content: in an encrypted repository they need an `indexIdentity`. */
  readonly sharesContent?: true;
  /**
   * Checks everything that can be checked, fixes the snapshot and begins. The caller reads `objects()` to the end, then `facts()`, and
   * closes in any case. Throws: the engine's own codes, engine.*, config.invalid; nothing stays open then.
   */
  open(dataset: D, o: OpenOptions): Promise<BackupSession<F>>;
  /** Shell commands that follow fetching, checking and unsealing, which the core writes. Files have the names of their objects, unsealed. */
  byHand(made: MadeBackup<F>): readonly string[];
}

export interface MadeBackup<F> {
  readonly facts: F;
  readonly tools: Readonly<Record<string, string>>;
  /** Ids of the backups that it builds on. */
  readonly needs: readonly string[];
  readonly requires: readonly RequiredRange[];
}

/** A backup under way. */
export interface BackupSession<F> {
  readonly busPosition: BusPosition | null;
  /** Program → version as it prints itself. */
  readonly tools: Readonly<Record<string, string>>;
  /** Ids of the backups that this one builds on; the core keeps them from deletion while it is made. None unless stated. */
  readonly needs?: readonly string[];
  /** How many of the objects are stored at once, each begun when there is room for it; absent: one after another. */
  readonly parallel?: number;
  objects(): AsyncIterable<OutputObject>;
  /** What the snapshot holds; asked for when all objects were read. */
  facts(): Promise<F>;
  /** What a restore reads of what backups share; asked for after the facts. Nothing unless stated. */
  requires?(): Promise<readonly RequiredRange[]>;
  /** Idempotent, never throws. */
  close(): Promise<void>;
}

/** One object of a backup on its way, sealed. */
export interface OutputObject {
  /** Unsealed: `database.dump`. The core adds what tells of the sealing. */
  readonly name: ManifestObject['name'];
  /** What progress calls it. */
  readonly stage: string;
  /** Ends only after every producer exited 0, and otherwise errors: a short object can never look complete. */
  readonly stream: Readable;
}

/** A configured place to restore to, as far as every kind of dataset has it. */
export interface RestoreTarget {
  readonly name: string;
}

/** Which try at which run writes to a target: a later try, or a sweep, knows by it what an earlier one has left there. */
export interface AttemptIdentity {
  readonly runId: string;
  readonly attempt: number;
}

/** Which backup goes where, and how. */
export interface RestoreQuestion<T extends RestoreTarget = RestoreTarget, F extends object = object> {
  readonly manifest: OpenManifest<F>;
  readonly target: T;
  /** What the target calls the place: a database, a prefix, an index, a topic. */
  readonly destination: string;
  /** One of the driver's. */
  readonly strategy: string;
  /** Whether a safety backup of the destination is wanted before it is replaced. */
  readonly safety: boolean;
  /** Of a restore of parts of a backup, in the words of its kind; undefined: all of it. */
  readonly parts?: readonly string[] | undefined;
  /** Of a run that asks for itself: the fence that it holds is no obstacle to it. */
  readonly identity?: AttemptIdentity;
  /** Of a backup that shares content: what it holds, from the beginning each time. Throws while it is read: backup.corrupt; repository.*. */
  readonly inventory?: () => AsyncIterable<InventoryEntry>;
  /** For drivers that replay what an archiver stored. */
  readonly archive?: ArchiveSource;
}

/** Where what an archiver stored of a dataset lies, and up to where a restore replays it. */
export interface ArchiveSource {
  /** Undefined: the backup alone. */
  readonly goal: RecoveryGoal | undefined;
  readonly dataset: ProtectedDataset;
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
}

export interface RestoreOrder<T extends RestoreTarget = RestoreTarget, F extends object = object>
  extends Omit<RestoreQuestion<T, F>, 'safety' | 'inventory'> {
  readonly identity: AttemptIdentity;
}

/** A place that one attempt restored to. */
export type RestoredBy<T extends RestoreTarget> = Pick<RestoreOrder<T>, 'target' | 'destination' | 'identity'>;

/** What a restore would do, found out without changing anything. */
export interface RestorePlan {
  readonly target: string;
  readonly destination: string;
  readonly strategy: string;
  readonly exists: boolean;
  /** Why the restore would be refused as things stand, the most important reason first; empty when it would go ahead. */
  readonly refusals: Refusals;
}

/** Keeps every other restore out of the destination until it is closed. */
export interface Fence {
  /** Resolves when the fence broke: from then on another restore may come in. */
  readonly whenLost: Promise<Error>;
  close(): Promise<void>;
}

export interface FenceOptions {
  readonly signal: AbortSignal;
  /** Whether another run has come to its end: what it has left in the way is ended. Default: no run is known to have. */
  readonly isOver?: ((runId: string) => Promise<boolean>) | undefined;
}

export interface RestoreWork<P extends RestorePlan = RestorePlan, N extends Fence = Fence> {
  /** Refuses nothing. */
  readonly plan: P;
  readonly fence: N;
  readonly material: Material;
  /** Called before each step that cannot be found out afterwards. */
  readonly remember: Remember;
  readonly onProgress: (progress: RestoreProgress) => void;
}

/** Whether a run is still worked on: over is over for ever; unknown may be another installation's, or of a catalog that was lost. */
export type StateOf = (runId: string) => Promise<'open' | 'over' | 'unknown'>;

/** What a sweep of a target found that dead attempts had left there. */
export interface Swept {
  /** Runs whose work was still going on although they are over. */
  readonly ended: readonly string[];
  /** Names of what was removed. */
  readonly removed: readonly string[];
  /** What should have gone and would not. */
  readonly failed: readonly { readonly what: string; readonly error: AppError }[];
}

/** One way to bring backups of one method back. The core asks in this order: plan → fence → plan again → apply. */
export interface RestoreDriver<
  T extends RestoreTarget,
  F extends object,
  P extends RestorePlan = RestorePlan,
  N extends Fence = Fence,
> {
  /** The backups that it reads. */
  readonly method: string;
  /** The first is the default. */
  readonly strategies: readonly string[];
  /** Whether it replays what an archiver stored, up to a goal. */
  readonly recovers?: true;
  /** Throws for a text that names no part of a backup of this kind: request.invalid. Absent: backups come back whole. */
  assertParts?(parts: readonly string[]): void;
  /** What its findings mean, for people, by name. */
  readonly findings: Readonly<Record<string, string>>;
  /** Looks at the target and says what a restore would do there, and every reason to refuse it. Changes nothing. */
  plan(question: RestoreQuestion<T, F>, signal: AbortSignal): Promise<P>;
  /** The plan for people, in order: label → a text, or names of which long lists are cut. */
  describe(plan: P): Readonly<Record<string, string | readonly string[]>>;
  /**
   * Ends what earlier attempts of the run have going, then excludes every other restore to the destination.
   * Throws: restore.busy; claim.lost when a later attempt of the run is there.
   */
  fence(order: RestoreOrder<T, F>, o: FenceOptions): Promise<N>;
  /** Whether the destination is the one that an earlier attempt made whole; then what attempts left beside it is removed. */
  isDone(order: RestoreOrder<T, F>, fence: N, doneMark: string): Promise<boolean>;
  /**
   * Restores. Whatever dies, the destination is as it was, or whole. Where a kind has no step that does this (the objects of a bucket, a cluster
   * of Redis), the driver says what a failure leaves, and the error names the next command.
   * Throws: restore.*, backup.corrupt; the engine's own codes.
   */
  apply(order: RestoreOrder<T, F>, work: RestoreWork<P, N>, signal: AbortSignal): Promise<void>;
  /**
   * Removes what a drill restored by `new`, and nothing that the done mark tells from it; null: the restore did not get so far. Idempotent.
   * Absent: no drill restores backups of this method. Throws: the engine's own codes.
   */
  discard?(place: RestoredBy<T>, doneMark: string | null, signal: AbortSignal): Promise<void>;
  /** What a person should know of every restore of this backup, an adopted one included. */
  remarks(manifest: OpenManifest<F>): Findings;
  /** Ends what this attempt and earlier ones have going, dead or alive: when it resolves, nothing of it can come true any more. */
  end(target: T, identity: AttemptIdentity, signal: AbortSignal): Promise<void>;
  /** Ends and removes what attempts of runs that are over left on the target. */
  sweep(target: T, stateOf: StateOf, signal: AbortSignal): Promise<Swept>;
}
