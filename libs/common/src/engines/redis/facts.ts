import { z } from 'zod';

const count = z.number().int().min(0);

const TypeCount = z.object({
  keys: count,
  expiring: count.describe('Of them, with a time to live'),
});

export const DatabaseFacts = z.object({
  db: count.describe('Number of the database'),
  keys: count,
  expiring: count.describe('Keys with a time to live'),
  fieldTimes: count.describe('Hashes of which a field has a time to live'),
  types: z.record(z.string(), TypeCount).describe('By type: string, list, set, zset, hash, stream'),
  digest: z
    .string()
    .describe(
      'Sum of 64-bit hashes over name and type of every key without a time to live: their order does not matter',
    ),
});
export type DatabaseFacts = z.infer<typeof DatabaseFacts>;

export const SampledValue = z.object({
  db: count,
  key: z.string().describe('Of a key that is no text: base64: and its bytes'),
  type: z.string(),
  expiring: z.boolean(),
  endsAtMs: z.number().optional().describe('Of one with a time to live: when it is over, in milliseconds'),
  sha256: z.string().describe('Of what the value holds, whatever its encoding'),
});
export type SampledValue = z.infer<typeof SampledValue>;

export const NodeFacts = z.object({
  object: z.string().describe('Name of the object, unsealed'),
  address: z.string().describe('host:port of the server that was asked'),
  role: z.enum(['master', 'replica']),
  slots: z.string().nullable().describe('Of a cluster: 0-5460 10923-16383'),
  replicationId: z.string().nullable(),
  replicationOffset: z.number().nullable().describe('How far the stream of changes had come'),
  rdbVersion: z.number().int().nullable(),
  sizeBytes: count.describe('Of the file, unsealed'),
  memoryBytes: count.describe('What the server used when it wrote the file'),
  takenAt: z.iso.datetime().describe('By the clock of the server, to the second'),
  commands: count.optional().describe('Of an append-only file: how many it holds'),
});
export type NodeFacts = z.infer<typeof NodeFacts>;

/** What a snapshot of a Redis or Valkey server holds, counted from its files and not from the server. */
export const RedisFacts = z.object({
  takenAt: z.iso.datetime(),
  server: z.enum(['redis', 'valkey']),
  version: z.string(),
  mode: z.enum(['single', 'sentinel', 'cluster']),
  isCounted: z.boolean().describe('false: of append-only files, the base of which alone is counted'),
  flavour: z.enum(['REDIS', 'VALKEY']).describe('Who numbers the version of the file'),
  rdbVersion: z.number().int().describe('The newest among its files'),
  databases: z.array(DatabaseFacts),
  functions: z.array(z.object({ name: z.string(), sha256: z.string() })),
  samples: z.array(SampledValue).describe('Values to be compared after a restore'),
  nodes: z.array(NodeFacts),
  warnings: z.array(z.string()),
});
export type RedisFacts = z.infer<typeof RedisFacts>;

/** A key as text that names it. */
export function toKeyText(key: Buffer): string {
  const text = key.toString('utf8');
  const isText = !text.startsWith('base64:') && Buffer.from(text, 'utf8').equals(key);
  return isText ? text : `base64:${key.toString('base64')}`;
}

export const fromKeyText = (text: string): Buffer =>
  text.startsWith('base64:') ? Buffer.from(text.slice('base64:'.length), 'base64') : Buffer.from(text, 'utf8');
