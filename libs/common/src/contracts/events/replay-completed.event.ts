import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { firstWithin } from '#common/contracts/fit.js';
import { Instant, ReplayMode } from '#common/contracts/names.js';
import { ReplayedPartition } from '#common/contracts/replayed-partition.js';

/** Some thousand partitions. */
const PARTITIONS_BYTES = 768 * 1024;

/** A replay ended, with every offset of its range accounted for. */
export const ReplayCompleted = defineEvent({
  type: 'replay.completed',
  version: 1,
  summary: 'A replay ended, with every offset of its range accounted for',
  key: (data) => data.dataset,
  fit: (data) => {
    const withGapsFirst = [...data.partitions].sort((a, b) => Number(b.gap !== null) - Number(a.gap !== null));
    const partitions = firstWithin(withGapsFirst, PARTITIONS_BYTES);
    if (partitions.length === data.partitions.length) return data;
    return { ...data, partitions, partitionsTotal: data.partitions.length };
  },
  data: z.object({
    ...AttemptHead,
    mode: ReplayMode,
    partitions: z.array(ReplayedPartition),
    partitionsTotal: z
      .int()
      .optional()
      .describe(
        'How many there are, where a message holds only the first, those with gaps before others; the result of the run has all',
      ),
    isComplete: z.boolean().describe('false: some events are gone from the bus, see `gap` per partition'),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
