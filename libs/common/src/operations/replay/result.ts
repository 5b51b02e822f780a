import type { ReplayedPartition } from '#common/contracts/replayed-partition.js';
import { countOffsets } from '#common/domain/replay-tally.js';
import { AppError } from '#common/errors/app-error.js';
import type { JournalEntry } from './journal.js';

export interface ReplayResult {
  readonly partitions: readonly ReplayedPartition[];
  /** false: some events are gone from the bus; `gap` says which. */
  readonly isComplete: boolean;
}

export function toResult(entries: readonly JournalEntry[]): ReplayResult {
  const partitions = entries.map(toReplayedPartition);
  return { partitions, isComplete: partitions.every(({ gap }) => gap === null) };
}

/** Every offset of the range must have become something: a replay that cannot account for one has a defect. */
function toReplayedPartition({
  topic,
  partition,
  group,
  fromOffset,
  toOffset,
  tally,
}: JournalEntry): ReplayedPartition {
  const accounted = countOffsets(tally);
  if (accounted !== toOffset - fromOffset)
    throw new AppError(
      'internal.bug',
      `${accounted} of ${toOffset - fromOffset} offsets of ${topic}/${partition} are accounted for`,
    );
  const { replayed, lost, ...skipped } = tally;
  const gap = lost && { fromOffset: lost.fromOffset, toOffset: lost.toOffset, recordsAtMost: lost.count };
  return {
    topic,
    partition,
    group,
    fromOffset: String(fromOffset),
    toOffset: String(toOffset),
    gap,
    replayed,
    skipped,
  };
}
