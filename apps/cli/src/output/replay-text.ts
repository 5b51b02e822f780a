import type { ReplayedPartition } from '#common/contracts/replayed-partition.js';
import { toTable } from './table.js';

/** Every offset of the range, accounted for per partition. */
export const toReplayedTable = (partitions: readonly ReplayedPartition[]): string =>
  toTable(
    ['topic', 'partition', 'group', 'from', 'to', 'replayed', 'markers', 'copies', 'gone'],
    partitions.map(({ topic, partition, group, fromOffset, toOffset, replayed, skipped, gap }) => [
      topic,
      String(partition),
      group ?? '',
      fromOffset,
      toOffset,
      String(replayed),
      String(skipped.markers),
      String(skipped.copies),
      gap === null ? '0' : `at most ${gap.recordsAtMost}`,
    ]),
  );
