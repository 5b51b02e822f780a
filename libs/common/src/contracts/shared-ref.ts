import { z } from 'zod';
import { Sha256 } from './names.js';

const Bytes = z.int().min(0);

/** Digest of the content, the mark of the attempt that wrote it, how it is sealed. No name is ever given twice. */
export const SharedName = z
  .string()
  .regex(/^[0-9a-f]{64}-[0-9a-f]{16}[.]zst([.]age)?$/)
  .describe('Name of a shared object below `<dataset>/content/<first two digits>/`');

/** One line of a backup's references: a shared object that the backup needs, as it is stored. */
export const Reference = z.object({
  name: SharedName,
  sizeBytes: Bytes.describe('Of the stored bytes'),
  sha256: Sha256.describe('Of the stored bytes'),
});
export type Reference = z.infer<typeof Reference>;

/** Content that a backup shares with others: where it lies, and what comes out of it. */
export const SharedRef = Reference.extend({
  contentBytes: Bytes.describe('Of the content, unsealed'),
  contentSha256: Sha256.describe('Of the content, unsealed'),
});
export type SharedRef = z.infer<typeof SharedRef>;

/** One line of an inventory; what else an engine writes into it is its own matter. */
export const InventoryEntry = z.looseObject({
  key: z.string().describe('Inventories are sorted by it, by code points'),
  content: SharedRef.optional(),
});
export type InventoryEntry = z.infer<typeof InventoryEntry>;

/** `a3…-5f….zst.age` → `a3…`. */
export const digestOf = (name: string): string => name.slice(0, 64);

/** `a3…-5f….zst.age` → `5f…`. */
export const writerMarkOf = (name: string): string => name.slice(65, 81);

export const isEncryptedName = (name: string): boolean => name.endsWith('.age');
