import { z } from 'zod';
import { Instant, LsnText, Uuid } from './names.js';

export const TimelineId = z.int().min(1).max(0xffff_ffff).describe('Of PostgreSQL: another one after each promotion');
export const SystemId = z
  .string()
  .regex(/^\d{1,20}$/)
  .describe('What tells one PostgreSQL cluster from all others, and a copy of it not');

export const TablespaceFacts = z.object({
  oid: z.string().regex(/^\d+$/),
  name: z.string(),
  location: z.string().describe('Where it lay on the source'),
  object: z.string().describe('The object of the backup that holds it, unsealed: `16385.tar`'),
  sizeBytes: z.number().int(),
});

/** One of the copies that an incremental one builds on. */
export const ChainLink = z.object({
  backupId: Uuid,
  tablespaces: z
    .array(z.string().regex(/^\d+$/))
    .describe('Numbers: its object of one is called `16385.tar`, unsealed'),
  unpackedBytes: z.number().int(),
});
export type ChainLink = z.infer<typeof ChainLink>;

/** What a physical backup is of. A restore of it is consistent from `endLsn` on. */
export const BaseFacts = z.object({
  form: z.literal('base'),
  startedAt: Instant,
  takenAt: Instant.describe('When it was whole, by the source’s clock: what was committed before is in it'),
  systemId: SystemId,
  timeline: TimelineId,
  startLsn: LsnText.describe('Where recovery begins to read WAL'),
  endLsn: LsnText.describe('Where it becomes consistent'),
  segmentBytes: z.int().describe('Of one WAL segment'),
  walIncluded: z.boolean().describe('Whether the WAL between startLsn and endLsn is among its objects'),
  serverVersion: z.string(),
  serverVersionNum: z.number().int(),
  isFromStandby: z.boolean(),
  compressedBy: z.enum(['server', 'client']),
  dataChecksums: z.boolean(),
  checksumFailures: z.array(z.string()).describe('What the server said of pages that it found damaged'),
  tablespaces: z.array(TablespaceFacts).describe('Besides the default'),
  databases: z.array(z.object({ name: z.string(), sizeBytes: z.number().int() })),
  unpackedBytes: z.number().int().default(0).describe('Of all its files; 0: the server does not say'),
  chain: z
    .array(ChainLink)
    .default([])
    .describe('The copies that it builds on, the full one first; none: it is full itself'),
  fullBecause: z.string().nullable().default(null).describe('Why it is full although an incremental copy was wanted'),
  superuser: z.string().describe('The role that initdb made: it is in every copy'),
  settings: z
    .record(z.string(), z.string())
    .describe('Settings of the source that a server which recovers from it must not fall below'),
});
export type BaseFacts = z.infer<typeof BaseFacts>;
