import type { RestoreProgress } from './material.js';

/** How one kind of store makes anew what was made of something else. */
export interface Rebuild<D, T> {
  /** Names of what the configuration says how to make; empty where it says nothing. */
  parts(dataset: D): readonly string[];
  /** What is there stays until all of it is made, and is replaced in one step. Throws: restore.busy, claim.lost; the engine's own codes. */
  run(order: RebuildOrder<D, T>, o: RebuildOptions): Promise<Rebuilt>;
}

export interface RebuildOrder<D, T> {
  readonly dataset: D;
  readonly target: T;
  readonly destination: string;
  /** Of `parts`. */
  readonly parts: readonly string[];
  /** A later attempt of the run removes what this one leaves. */
  readonly identity: { readonly runId: string; readonly attempt: number };
}

export interface RebuildOptions {
  readonly signal: AbortSignal;
  /** Whether another run has come to its end. Default: no run is known to have. */
  readonly isOver?: (runId: string) => Promise<boolean>;
  /** Throws: claim.lost. Called before what was made takes its place. */
  readonly assertHeld: () => Promise<void>;
  readonly onProgress: (progress: RestoreProgress) => void;
}

export interface Rebuilt {
  readonly parts: readonly {
    readonly name: string;
    /** What it is called where it is. */
    readonly place: string;
    readonly documents: number;
    /** False: there was none before. */
    readonly isReplaced: boolean;
  }[];
}
