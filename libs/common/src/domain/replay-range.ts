/** Where a replay of one partition for one group begins and ends. Every bound is an offset; ends are exclusive. */
export interface ReplayRange {
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
  /** Offsets of the range that are gone from the log; null when none is. */
  readonly gap: { readonly fromOffset: bigint; readonly toOffset: bigint } | null;
}

export interface RangeFacts {
  /** Where the backup, or the request, says that the group stood. */
  readonly position: bigint;
  /** What the group would read next; null without a commit: then everything up to the end was behind it, or it never began. */
  readonly committed: bigint | null;
  readonly logStart: bigint;
  readonly logEnd: bigint;
}

/**
 * [position, committed): what the group had read since the position. Never forward: a group that stands before the position has
 * lost nothing, and its range is empty.
 */
export function decideRange({ position, committed, logStart, logEnd }: RangeFacts): ReplayRange {
  const end = committed ?? logEnd;
  const toOffset = end > position ? end : position;
  const firstRetained = logStart < toOffset ? logStart : toOffset;
  const gap = firstRetained > position ? { fromOffset: position, toOffset: firstRetained } : null;
  return { fromOffset: position, toOffset, gap };
}

/** Upper bound of the records that a range still holds: offsets also number markers and what compaction removed. */
export const recordsAtMost = ({ toOffset, fromOffset, gap }: ReplayRange): bigint =>
  toOffset - (gap?.toOffset ?? fromOffset);
