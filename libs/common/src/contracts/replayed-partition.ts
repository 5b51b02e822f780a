import { z } from 'zod';
import { GroupName, Offset, TopicName } from './names.js';

/** What became of every offset between the backup's position and the end of the frozen range, per partition. */
export const ReplayedPartition = z.object({
  topic: TopicName,
  partition: z.int().min(0),
  group: GroupName.nullable(),
  fromOffset: Offset.describe('Where the backup saw the group; inclusive'),
  toOffset: Offset.describe('End of the frozen range; exclusive'),
  gap: z
    .object({ fromOffset: Offset, toOffset: Offset, recordsAtMost: z.string() })
    .nullable()
    .describe('Offsets between the position and the first retained one: gone from the bus'),
  replayed: z.int().min(0).describe('Records made readable again (reset) or copied (republish), each original once'),
  skipped: z.object({
    copies: z
      .int()
      .min(0)
      .describe('Copies of an earlier replay, and originals whose copy still waits for the group (republish)'),
    markers: z.int().min(0).describe('Offsets of transaction markers: no records'),
    aborted: z.int().min(0).default(0).describe('Records of transactions that were aborted: they never were'),
    missing: z
      .int()
      .min(0)
      .default(0)
      .describe('Offsets within the retained log that hold nothing: compaction, for the most part'),
    foreign: z.int().min(0).default(0).describe('Copies of records that lie outside the range'),
  }),
});
export type ReplayedPartition = z.infer<typeof ReplayedPartition>;
