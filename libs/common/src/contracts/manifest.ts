import { z } from 'zod';
import { BusPosition } from './bus-position.js';
import { BackupMethod, Counts, DatasetKind, DatasetName, Instant, LsnText, Sha256, Uuid } from './names.js';

export const ManifestObject = z.object({
  name: z.string().describe('Name within the backup: `database.dump.zst`'),
  key: z.string().describe('Key in the repository, below its prefix'),
  sizeBytes: z.number().int().min(0).describe('Of the stored bytes'),
  sha256: Sha256.describe('Of the stored bytes'),
  compression: z.enum(['zstd', 'none']),
  encryption: z.enum(['age', 'none']).default('none').describe('Applied after compression'),
});
export type ManifestObject = z.infer<typeof ManifestObject>;

/** Write-ahead log that a restore reads: from where the copy begins to where it is consistent. A restore to a later instant reads on from there. */
export const WalRange = z.object({
  kind: z.literal('wal'),
  systemId: z
    .string()
    .regex(/^\d{1,20}$/)
    .describe('Of the PostgreSQL cluster that wrote it'),
  timeline: z.int().min(1),
  startLsn: LsnText,
  endLsn: LsnText,
});
export type WalRange = z.infer<typeof WalRange>;

/** What a backup needs of what several share, beside its own objects. */
export const RequiredRange = z.discriminatedUnion('kind', [WalRange]);
export type RequiredRange = z.infer<typeof RequiredRange>;

/** What one backup consists of and how to restore it, also by hand. Written last: with it the backup exists. */
export const Manifest = z.object({
  formatVersion: z.literal(1),
  dataset: DatasetName,
  kind: DatasetKind,
  method: BackupMethod,
  purpose: z.enum(['regular', 'safety']).describe('safety: taken of a target before a restore in place'),
  backupId: Uuid,
  runId: Uuid,
  attempt: z.number().int().min(1),
  attemptKey: z.string().describe('Prefix of this attempt in the repository, without a trailing slash'),
  startedAt: Instant,
  completedAt: Instant,
  holdfastVersion: z.string(),
  recipients: z
    .array(z.string())
    .default([])
    .describe('Public keys of age that the objects are encrypted for; any of their identities opens them'),
  tools: z.record(z.string(), z.string()).describe('Program → version as it prints itself'),
  objects: z.array(ManifestObject).min(1),
  needs: z
    .array(Uuid)
    .default([])
    .describe('Ids of the backups that it builds on, without which it cannot be restored'),
  requires: z.array(RequiredRange).default([]).describe('Ranges of what backups share that a restore of it reads'),
  inventory: z
    .object({
      object: z.string().describe('Name of the object that holds it, NDJSON sorted by key'),
      entries: z.int().min(0),
      contentBytes: z.int().min(0).describe('Of all entries, unsealed'),
    })
    .optional()
    .describe('What the backup holds, entry by entry; only of kinds whose backups share content'),
  references: z
    .object({
      object: z.string().describe('Name of the object that holds them, NDJSON sorted by name; never encrypted'),
      count: z.int().min(0),
      sizeBytes: z.int().min(0).describe('Of the stored bytes that they refer to'),
    })
    .optional()
    .describe('The shared objects that the backup needs, below `<dataset>/content/`'),
  snapshotAt: Instant.describe('The instant that a restore brings back'),
  sourceSizeBytes: z.number().int().min(0).describe('Of what was backed up, as its server counts'),
  counts: Counts,
  source: z.string().describe('What was backed up, for people: database "shop" of PostgreSQL 18.6 at 0/16B3748'),
  warnings: z
    .array(z.string())
    .default([])
    .describe('What a restore may stumble over; they name objects, so in an encrypted backup they are with the facts'),
  suspicious: z
    .array(z.string())
    .default([])
    .describe(
      'Why it is unlike the backups before it by its method; nothing of the dataset expires until an operator has looked',
    ),
  facts: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe(
      'What the snapshot holds, as the engine of its kind reads it; null: sealed, in the object `facts.json.zst.age`',
    ),
  busPosition: BusPosition.nullable(),
  restoreByHand: z
    .array(z.string())
    .min(1)
    .describe('Shell commands that restore this backup with standard tools alone'),
});
export type Manifest = z.infer<typeof Manifest>;

export type BusPositionState = NonNullable<Manifest['busPosition']>['state'] | 'none';
export const busPositionOf = ({ busPosition }: Manifest): BusPositionState => busPosition?.state ?? 'none';

/** A manifest whose facts were read: what restores and probes work with. */
export type OpenManifest<F extends object = object> = Manifest & { readonly snapshot: F };

/** Name of the object that holds the facts of an encrypted backup, without the suffixes of its sealing. */
export const FACTS_NAME = 'facts.json';

/** What its objects take in a repository. */
export const totalBytes = ({ objects }: Manifest): number => objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
