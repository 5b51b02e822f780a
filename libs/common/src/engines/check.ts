/** One thing that must be right before the night on which it is needed. */
export interface Check {
  /** `dataset shop: every row is visible` */
  readonly name: string;
  /** The checks before it that show whether this one can look at all: each connection error is reported once. */
  readonly needs?: readonly string[];
  /** Resolves with what was found; throws the problem, with its hint. */
  readonly run: () => Promise<string>;
}

/** Thrown by a check for what works but should not stay. */
export class CheckWarning extends Error {}

/** What the configuration has besides a dataset. */
export interface DatasetSurroundings<D> {
  /** Those of its schedules. */
  readonly methods: readonly string[];
  /** All datasets of its kind. */
  readonly alike: readonly D[];
}

/** What the configuration has besides a target. */
export interface TargetSurroundings {
  /** Those that it accepts. */
  readonly strategies: readonly string[];
}

/** What `holdfast check` asks of one kind. */
export interface EngineChecks<D, T> {
  /** The connection first: what could only say once more that it is missing names that check in `needs`. */
  dataset(dataset: D, signal: AbortSignal, o?: DatasetSurroundings<D>): readonly Check[];
  target(target: T, signal: AbortSignal, o?: TargetSurroundings): readonly Check[];
  /** How many bytes there are to back up, roughly. */
  measure(dataset: D, signal: AbortSignal): Promise<number>;
  /** By every name that a server on the same machine could have. */
  hostNames(dataset: D): readonly string[];
}
