import { z } from 'zod';
import { Instant, Sha256 } from '#common/contracts/names.js';

const Count = z.int().min(0);

export const IndexFacts = z.object({
  name: z.string(),
  object: z.string().describe('Name of the object, unsealed'),
  startByte: Count.describe('Where in the unsealed object the reading begins during which the index did not change'),
  sizeBytes: Count.describe('Of that reading: a line of name, primary key and settings, then a line for each document'),
  primaryKey: z.string().nullable().describe('null: the index never held a document'),
  documents: Count,
  sha256: Sha256.describe('Over the documents, whatever their order and that of their fields'),
  settingsSha256: Sha256.describe('Over the settings without their secrets'),
  secrets: z.array(z.string()).describe('Members of embedders that are not in the backup: `default.apiKey`'),
  updatedAt: Instant.describe('When the server had changed the index last'),
});
export type IndexFacts = z.infer<typeof IndexFacts>;

export const KeyFacts = z.object({
  uid: z.string(),
  name: z.string().nullable(),
  actions: z.array(z.string()),
  indexes: z.array(z.string()),
  expiresAt: z.string().nullable(),
});
export type KeyFacts = z.infer<typeof KeyFacts>;

/** What the server wrote in its own format, of a backup by method `dump` or `snapshot`. */
export const WrittenFile = z.object({
  kind: z.enum(['dump', 'snapshot']),
  name: z.string().describe('As the server called the file'),
  object: z.string().describe('Name of the object, unsealed'),
  sizeBytes: Count,
  task: z.int().describe('Of the server, which wrote it'),
  indexes: z.array(z.object({ name: z.string(), documents: Count })).describe('Of the server, right afterwards'),
});
export type WrittenFile = z.infer<typeof WrittenFile>;

export const DocumentsFacts = z.object({
  takenAt: Instant.describe('Before the first index was read'),
  version: z.string().describe('Of the server'),
  indexes: z.array(IndexFacts).describe('Of a backup by method documents'),
  file: WrittenFile.optional(),
  keys: z.array(KeyFacts).nullable().describe('What they may, never the keys; null: the role may not list them'),
  webhooks: z
    .array(z.object({ uuid: z.string(), origin: z.string() }))
    .nullable()
    .describe('Where they go to, without path, query and headers; null: the role may not list them'),
});
export type DocumentsFacts = z.infer<typeof DocumentsFacts>;
