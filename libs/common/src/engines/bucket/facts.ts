import { z } from 'zod';

const Noted = z.object({
  count: z.int().min(0),
  keys: z.array(z.string()).describe('The first of them'),
});
export type Noted = z.infer<typeof Noted>;

/** What a snapshot of a bucket holds; object by object its inventory says. */
export const BucketFacts = z.object({
  takenAt: z.iso.datetime().describe('When the listing began'),
  bucket: z.string(),
  prefix: z.string().describe('Below which it was backed up; keys of the inventory are what follows it'),
  server: z.string().describe('Host of the server, and its port'),
  isVersioned: z
    .boolean()
    .describe('Each object was read by the version that the listing named; of a replica: is read by it'),
  objects: z.int().min(0),
  bytes: z.int().min(0),
  read: z.int().min(0).describe('Objects whose content was read; of the others nothing had changed'),
  gone: z.int().min(0).describe('Objects of the backup before that are not in this one'),
  changed: Noted.describe('Replaced between listing and reading: the backup has the later content'),
  vanished: Noted.describe('Removed between listing and reading: the backup lacks them'),
  replica: z
    .object({ bucket: z.string(), prefix: z.string(), server: z.string() })
    .optional()
    .describe('Of a backup by method replica: where the content lies'),
  warnings: z.array(z.string()),
});
export type BucketFacts = z.infer<typeof BucketFacts>;

const KEPT = 20;

/** Counts all and keeps the first. */
export class NotedKeys {
  private count = 0;
  private readonly keys: string[] = [];

  add(key: string): void {
    this.count += 1;
    if (this.keys.length < KEPT) this.keys.push(key);
  }

  toJSON(): Noted {
    return { count: this.count, keys: this.keys };
  }
}
