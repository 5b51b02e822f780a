import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { DatasetName, Instant, ReplayMode, Uuid } from '../names.js';
import { ReplayedPartition } from '../replayed-partition.js';

/** A replay ended, with every offset of its range accounted for. */
export const ReplayCompleted = defineEvent({
  type: 'replay.completed',
  version: 1,
  summary: 'A replay ended, with every offset of its range accounted for',
  key: (data) => data.dataset,
  data: z.object({
    runId: Uuid,
    dataset: DatasetName,
    attempt: z.int().min(1),
    sequence: z.int().min(1).describe('Of this run: order holds per topic and key only'),
    mode: ReplayMode,
    partitions: z.array(ReplayedPartition),
    isComplete: z.boolean().describe('false: some events are gone from the bus, see `gap` per partition'),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
