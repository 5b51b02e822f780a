import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { AttemptHead } from '#common/contracts/event-parts.js';
import { Instant, ReplayMode } from '#common/contracts/names.js';
import { ReplayedPartition } from '#common/contracts/replayed-partition.js';

/** A replay ended, with every offset of its range accounted for. */
export const ReplayCompleted = defineEvent({
  type: 'replay.completed',
  version: 1,
  summary: 'A replay ended, with every offset of its range accounted for',
  key: (data) => data.dataset,
  data: z.object({
    ...AttemptHead,
    mode: ReplayMode,
    partitions: z.array(ReplayedPartition),
    isComplete: z.boolean().describe('false: some events are gone from the bus, see `gap` per partition'),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
