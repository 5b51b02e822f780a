import type { Readable } from 'node:stream';
import type { BucketEntry, ObjectHeaders } from '#common/engines/bucket/entry.js';
import type { Material } from '#common/engines/material.js';
import { AppError } from '#common/errors/app-error.js';

/** How an object is served, beside its content. */
export interface Served {
  readonly headers: ObjectHeaders;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** Where a restore takes the objects of a backup from. */
export interface Content {
  /** Throws: what reading throws. */
  served(entry: BucketEntry): Promise<Served>;
  /** Checked: errors at its end where it is another content. Throws, here or from the stream: backup.corrupt, backup.damaged; repository.*, bucket.*. */
  open(entry: BucketEntry): Promise<Readable>;
  close(): void;
}

/** Of a snapshot: the repository has it all. */
export const toStoredContent = (material: Pick<Material, 'shared'>): Content => ({
  served: async (entry) => ({ headers: entry, tags: entry.tags }),
  open: async ({ key, content }) => {
    if (content !== undefined) return material.shared(content);
    throw new AppError('backup.corrupt', `the inventory names no content for ${JSON.stringify(key)}`);
  },
  close: () => undefined,
});
