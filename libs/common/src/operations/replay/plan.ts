import type { Refusals } from '#common/errors/refusals.js';
import type { Mode } from './request.js';

/** Offsets are decimal text, so that a plan can be shown, stored and run later. */
export interface PlannedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly group: string | null;
  readonly fromOffset: string;
  /** Exclusive. */
  readonly toOffset: string;
  readonly gap: { readonly fromOffset: string; readonly toOffset: string; readonly recordsAtMost: string } | null;
  readonly recordsAtMost: string;
  /** Of the first and the last record that would be replayed; null where there is none. */
  readonly firstRecordAt: string | null;
  readonly lastRecordAt: string | null;
}

export interface PlannedGroup {
  readonly name: string;
  readonly state: string;
  readonly members: number;
}

/** What a replay would do, and why it would be refused. Nothing is changed by planning. */
export interface ReplayPlan {
  readonly replayId: string;
  readonly mode: Mode;
  /** republish: per topic where its copies go. */
  readonly destinations: Readonly<Record<string, string>>;
  readonly recordsPerSecond: number | null;
  readonly acceptReaders: readonly string[];
  /** Why the start is a guess; null when groups prove it. */
  readonly doubt: string | null;
  readonly partitions: readonly PlannedPartition[];
  readonly groups: readonly PlannedGroup[];
  /** republish: groups that read a destination and are not the one replayed for. */
  readonly otherReaders: readonly string[];
  readonly estimatedSeconds: number | null;
  /** Empty when it may run. */
  readonly refusals: Refusals;
}
