import { z } from 'zod';
import { GroupName, Instant, Offset, TopicName } from './names.js';

export const PartitionPosition = z.object({
  topic: TopicName,
  partition: z.int().min(0),
  logStartOffset: Offset,
  endOffset: Offset.describe('The next offset to be written when the position was taken'),
  committed: z
    .record(GroupName, Offset.nullable())
    .describe('Per group the next offset it would read; null without a commit'),
  anchor: z
    .object({ offset: Offset, sha256: z.string() })
    .nullable()
    .describe('Digest of the last record before endOffset: tells a topic that was made anew'),
});
export type PartitionPosition = z.infer<typeof PartitionPosition>;

/** Where a dataset stood on the bus when its snapshot was taken: read before the snapshot, so never ahead of it. */
export const BusPosition = z.object({
  state: z
    .enum(['proven', 'unproven'])
    .describe('proven: groups commit after they write, so offsets bound the snapshot'),
  reason: z.string().optional().describe('Why the position is unproven'),
  takenAt: Instant,
  clusterId: z.string(),
  topicIds: z.record(TopicName, z.string().nullable()),
  partitions: z.array(PartitionPosition),
});
export type BusPosition = z.infer<typeof BusPosition>;
