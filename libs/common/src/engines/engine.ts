import type { Readable } from 'node:stream';
import type { ZodType } from 'zod';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { ManifestObject, RequiredRange } from '#common/contracts/manifest.js';
import type { Sealing } from '#common/sealing/sealing.js';

/** One protected thing, as far as every kind of store has it. */
export interface ProtectedDataset {
  readonly name: string;
  /** zstd level and threads of the compressing child. */
  readonly compression: { readonly level: number; readonly threads: number };
}

/**
 * One kind of store. An engine owns what is special to its kind: snapshot and facts, what a backup's objects are, the last commands by hand.
 * The core owns the rest: attempts, holds, sealing, digests, the manifest's envelope, catalog and events.
 * The registry (engines.ts) is the only list of kinds.
 */
export interface Engine<D extends ProtectedDataset = ProtectedDataset, F extends object = object> {
  readonly kind: string;
  /** What a snapshot holds, as the manifest keeps it. */
  readonly facts: ZodType<F>;
  /** The first is the default. */
  readonly methods: readonly BackupMethod<D, F>[];
  /** For lists and events, which never read facts. */
  summarise(facts: F): Summary;
}

/** What reveals nothing by itself, and so stays outside of any seal. */
export interface Summary {
  /** UTC: the instant that a restore brings back. */
  readonly snapshotAt: string;
  /** What was backed up, for people. */
  readonly source: string;
  /** As the source counts. */
  readonly sourceSizeBytes: number;
  /** How much is in it, by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** What a restore may stumble over; for the one who asked for the backup, not for lists. */
  readonly warnings: readonly string[];
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
  /** What the source's administrator sees of us: run and attempt. */
  readonly applicationName?: string | undefined;
}

/** One way to back up a kind of store. */
export interface BackupMethod<D extends ProtectedDataset, F extends object> {
  readonly name: string;
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
  /** One after another: the next begins when the one before is whole. */
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
