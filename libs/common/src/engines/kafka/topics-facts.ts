import { z } from 'zod';
import { GroupName, Instant, Offset, Sha256, TopicName, Uuid } from '#common/contracts/names.js';

const Count = z.int().min(0);

/** A run of batches of one partition within an object. */
export const Piece = z.object({
  backup: Uuid.optional().describe(
    'Of an increment: in which backup that it builds on the object lies; absent: in its own',
  ),
  object: z.string().describe('Name of the object, unsealed'),
  startByte: Count.describe('Where in the unsealed object it begins'),
  sizeBytes: Count,
  fromOffset: Offset,
  nextOffset: Offset,
  records: Count,
});
export type Piece = z.infer<typeof Piece>;

export const PartitionFacts = z.object({
  partition: Count,
  startOffset: Offset.describe('The first offset that was retained'),
  endOffset: Offset.describe('Exclusive: the last stable offset of the snapshot'),
  records: Count.describe('Committed records'),
  markers: Count.describe('Offsets that transaction markers take'),
  aborted: Count.describe('Offsets of records whose transaction was aborted'),
  trimmed: Count.describe('Offsets that retention or a deletion took while they were read'),
  undecided: Count.describe('Offsets at and above the end, of transactions that were open: not in the backup'),
  holes: Count.describe('Offsets at which nothing is stored: compaction, for the most part'),
  sizeBytes: Count.describe('Of the stored batches'),
  largestBatchBytes: Count,
  sha256: Sha256.describe(
    'Over every record in order: timestamp, size, and key, value and headers as stored; of an increment over its own records',
  ),
  links: z
    .array(z.object({ records: Count, sha256: Sha256 }))
    .optional()
    .describe('Of an increment: what each backup of the chain holds of the partition, the full one first'),
  firstTimestamp: z.int().nullable().describe('The lowest, in milliseconds'),
  lastTimestamp: z.int().nullable().describe('The highest'),
  pieces: z.array(Piece),
});
export type PartitionFacts = z.infer<typeof PartitionFacts>;

export const TopicFacts = z.object({
  name: TopicName,
  id: z
    .string()
    .nullable()
    .describe('A topic that is deleted and made anew has another one; null: the broker does not say'),
  replicationFactor: z.int().min(1),
  timestampType: z.enum(['CreateTime', 'LogAppendTime']),
  configs: z.record(z.string(), z.string()).describe('What is set for the topic itself'),
  partitions: z.array(PartitionFacts).min(1),
});
export type TopicFacts = z.infer<typeof TopicFacts>;

export const GroupOffset = z.object({
  topic: TopicName,
  partition: Count,
  offset: Offset.describe('What the group would have read next'),
  recordsBefore: Count.describe('Records of the backup below that offset: with it the offset is translated exactly'),
  metadata: z.string().nullable(),
});

export const AccessRule = z.object({
  resource: z.string().describe('TOPIC or GROUP'),
  name: z.string(),
  pattern: z.string().describe('LITERAL or PREFIXED'),
  principal: z.string().describe('User:shop'),
  host: z.string(),
  operation: z.string(),
  permission: z.string().describe('ALLOW or DENY'),
});

export const TopicsFacts = z.object({
  takenAt: Instant.describe('When the ends of all partitions were frozen'),
  clusterId: z.string(),
  topics: z.array(TopicFacts),
  groups: z.array(z.object({ name: GroupName, offsets: z.array(GroupOffset) })),
  acls: z
    .array(AccessRule)
    .nullable()
    .default(null)
    .describe('Access rules about these topics and groups; null: the cluster does not tell them'),
});
export type TopicsFacts = z.infer<typeof TopicsFacts>;
