/** What a restore put aside when it put another thing in its place, whole and as it was. */
export interface KeptPlace {
  /** What the target calls it now. */
  readonly name: string;
  /** What it was called before. */
  readonly destination: string;
  /** By the clock of the target. */
  readonly keptAt: string;
  readonly ageDays: number;
  /** null: the role of the target may not look. */
  readonly sizeBytes: number | null;
}

export interface KeptOptions {
  /** Of the work that asks: it excludes restores to the same destination meanwhile. */
  readonly identity: { readonly runId: string; readonly attempt: number };
  readonly signal: AbortSignal;
}

/** How a kind of target gives up, or brings back, what restores put aside there. */
export interface KeptPlaces<T> {
  /** The oldest first. Throws: the engine's own codes. */
  list(target: T, signal: AbortSignal): Promise<readonly KeptPlace[]>;
  /** Removes it for good. Throws: restore.kept-missing, restore.busy; the engine's own codes. */
  release(target: T, kept: KeptPlace, o: KeptOptions): Promise<void>;
  /**
   * Exchanges it, in one step, with what has its name now, which is kept in turn under the same name.
   * Throws: restore.kept-missing, restore.busy; the engine's own codes.
   */
  bringBack(target: T, kept: KeptPlace, o: KeptOptions): Promise<void>;
}
