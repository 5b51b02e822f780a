import { z } from 'zod';
import { BackupMethod, DatasetKind, DatasetName, Instant, PointName, RepositoryName, Uuid } from './names.js';

/** One dataset's part in a recovery point. */
export const PointMember = z.object({
  dataset: DatasetName,
  kind: DatasetKind,
  method: BackupMethod,
  backupId: Uuid,
  repository: RepositoryName,
  snapshotAt: Instant.describe(
    'The instant that a restore of the member brings back, by the clock of its store or executor',
  ),
  offsetMs: z.int().describe('From the instant of the point; negative: the member is older'),
  refersTo: z.array(DatasetName).describe('Members that hold what this one refers to, and are not older than it'),
  busPosition: z
    .enum(['proven', 'unproven', 'none'])
    .describe('Whether events since the backup can be replayed exactly'),
});
export type PointMember = z.infer<typeof PointMember>;

/** How well the members of a point fit together. */
const Agreement = {
  at: Instant.describe('The instant of the point: of the newest member that no other refers to'),
  skewMs: z.int().min(0).describe('How far the farthest member is from that instant'),
  maxSkewMs: z.int().min(0).describe('How far the configuration allowed'),
  problems: z.array(z.string()).describe('Why the members do not agree; empty: they do'),
};

export const PointBody = { point: PointName, ...Agreement, members: z.array(PointMember).min(1) };

/** A recovery point as it lies in the repository of every member, written when all members exist. */
export const PointDocument = z.object({
  formatVersion: z.literal(1),
  pointId: Uuid,
  ...PointBody,
  startedAt: Instant,
  completedAt: Instant,
  holdfastVersion: z.string(),
});
export type PointDocument = z.infer<typeof PointDocument>;
