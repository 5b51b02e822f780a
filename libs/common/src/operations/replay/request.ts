import type { z } from 'zod';
import type { ReplayBus } from '#common/bus/replay/replay-bus.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { ReplayMode } from '#common/contracts/names.js';
import type { TopicRules } from '#common/domain/request.policy.js';

export type Mode = z.infer<typeof ReplayMode>;

/** Where the events begin that are wanted again. */
export type ReplayStart =
  | { readonly position: BusPosition }
  | { readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: string }[] }
  | { readonly since: Date };

export interface ReplayAsk {
  /** Names the replay for good: asked again with the same id it goes on, and never starts over. */
  readonly replayId: string;
  readonly mode: Mode;
  readonly start: ReplayStart;
  /** Default: all topics of the start; needed with `since`. */
  readonly topics?: readonly string[] | undefined;
  /** Default: the groups of the position, or all that read the topic. */
  readonly groups?: readonly string[] | undefined;
  /** republish: default the topic itself. */
  readonly destination?: string | undefined;
  readonly acceptReaders?: readonly string[] | undefined;
  readonly recordsPerSecond?: number | undefined;
}

export interface ReplayDeps {
  readonly bus: ReplayBus;
  /** A topic that is absent allows nothing. */
  readonly rules: readonly TopicRules[];
  readonly now: () => Date;
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Throws when another attempt may do this replay by now: asked right before what the bus cannot fence. */
  readonly assertHeld?: () => Promise<void>;
}

/** Counted in offsets: the records of a range are known only once it was read. */
export interface ReplayProgress {
  readonly handledOffsets: bigint;
  readonly totalOffsets: bigint;
}
