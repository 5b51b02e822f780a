import { z } from 'zod';
import { Sha256 } from '#common/contracts/names.js';
import { InventoryEntry, SharedRef } from '#common/contracts/shared-ref.js';
import { AppError } from '#common/errors/app-error.js';

const Text = z.string().optional();

/** How an object is served, beside its content. */
export const ObjectHeaders = z.object({
  contentType: Text,
  contentEncoding: Text,
  contentDisposition: Text,
  contentLanguage: Text,
  cacheControl: Text,
  expires: Text.describe('As the header says it'),
  redirect: Text.describe('Of a bucket that is a website'),
  metadata: z.record(z.string(), z.string()).optional().describe('The user’s own; empty is left out'),
});
export type ObjectHeaders = z.infer<typeof ObjectHeaders>;

/** One object of a bucket in the inventory of a backup. */
export const BucketEntry = InventoryEntry.extend({
  ...ObjectHeaders.shape,
  key: z.string().describe('What follows the prefix of the dataset'),
  size: z.int().min(0),
  etag: z.string(),
  modifiedAt: z.iso.datetime(),
  versionId: Text,
  storageClass: Text,
  tags: z.record(z.string(), z.string()).optional(),
  content: SharedRef.optional().describe('Absent: it lies in the replica that the facts name'),
  sha256: Sha256.optional().describe('Of content that lies in the replica, where the mirror copied it'),
});
export type BucketEntry = z.infer<typeof BucketEntry>;

/** Throws: backup.corrupt. */
export function parseEntry(entry: InventoryEntry): BucketEntry {
  const parsed = BucketEntry.safeParse(entry);
  if (parsed.success) return parsed.data;
  const said = `the inventory does not describe ${JSON.stringify(entry.key)} as an object of a bucket`;
  throw new AppError('backup.corrupt', said, {}, { cause: parsed.error });
}

/** Each entry of an inventory. Throws: backup.corrupt; what the inventory throws. */
export async function* toEntries(inventory: AsyncIterable<InventoryEntry>): AsyncGenerator<BucketEntry> {
  for await (const entry of inventory) yield parseEntry(entry);
}
