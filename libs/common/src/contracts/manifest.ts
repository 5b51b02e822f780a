import { z } from 'zod';
import { BusPosition } from './bus-position.js';
import { BackupMethod, DatasetName, Instant, Sha256, Uuid } from './names.js';
import { SnapshotFacts } from './snapshot-facts.js';

export const ManifestObject = z.object({
  name: z.string().describe('Name within the backup: `database.dump.zst`'),
  key: z.string().describe('Key in the repository, below its prefix'),
  sizeBytes: z.number().int().min(0).describe('Of the stored bytes'),
  sha256: Sha256.describe('Of the stored bytes'),
  compression: z.enum(['zstd', 'none']),
});
export type ManifestObject = z.infer<typeof ManifestObject>;

/** What one backup consists of and how to restore it, also by hand. Written last: with it the backup exists. */
export const Manifest = z.object({
  formatVersion: z.literal(1),
  dataset: DatasetName,
  kind: z.enum(['postgres']),
  method: BackupMethod,
  purpose: z.enum(['regular', 'safety']).describe('safety: taken of a target before a restore in place'),
  backupId: Uuid,
  runId: Uuid,
  attempt: z.number().int().min(1),
  attemptKey: z.string().describe('Prefix of this attempt in the repository, without a trailing slash'),
  startedAt: Instant,
  completedAt: Instant,
  holdfastVersion: z.string(),
  tools: z.record(z.string(), z.string()).describe('Program → version as it prints itself'),
  objects: z.array(ManifestObject).min(1),
  snapshot: SnapshotFacts,
  busPosition: BusPosition.nullable(),
  restoreByHand: z
    .array(z.string())
    .min(1)
    .describe('Shell commands that restore this backup with standard tools alone'),
});
export type Manifest = z.infer<typeof Manifest>;

export const totalRows = ({ snapshot }: Manifest): number => snapshot.tables.reduce((sum, { rows }) => sum + rows, 0);

export type BusPositionState = NonNullable<Manifest['busPosition']>['state'] | 'none';
export const busPositionOf = ({ busPosition }: Manifest): BusPositionState => busPosition?.state ?? 'none';

/** What its objects take in a repository. */
export const totalBytes = ({ objects }: Manifest): number => objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
