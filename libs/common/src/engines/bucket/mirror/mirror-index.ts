import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { BucketClient } from '#common/engines/bucket/bucket-client.js';
import { isCode } from '#common/engines/bucket/bucket-errors.js';
import { CONTROL_PREFIX } from '#common/engines/bucket/bucket-place.js';
import { toLineOfJson } from '#common/engines/bucket/line-of-json.js';
import { AppError } from '#common/errors/app-error.js';

const Seen = z.object({
  etag: z.string(),
  size: z.int().min(0),
  modifiedAt: z.string(),
  versionId: z.string().optional(),
});

/** One object that the mirror keeps in the replica. */
export const MirrorEntry = z.object({
  /** What follows the prefix of the dataset, and of the replica. */
  key: z.string(),
  /** Which content of the source it is. */
  source: Seen,
  /** As the replica keeps it. */
  replica: z.object({ etag: z.string(), size: z.int().min(0) }),
  /** Of the bytes that were copied; absent: the mirror found the object there and alike. */
  sha256: z.string().optional(),
  /** Since when listings of the source lack it. */
  missingSince: z.iso.datetime().optional(),
});
export type MirrorEntry = z.infer<typeof MirrorEntry>;

/** Beside locks, where no listing of ours looks: one for each prefix that is a replica. */
export const indexKey = (prefix: string): string =>
  `${CONTROL_PREFIX}mirror/${encodeURIComponent(prefix) || 'all'}.ndjson`;

const SOURCE_AT = 'holdfast-source-at';

/** What a mirror knows of its replica, sorted by key, and kept in the replica itself. */
export class MirrorIndex {
  constructor(
    private readonly replica: BucketClient,
    private readonly prefix: string,
    /** Holds it while it is read or written, for there may be millions of lines. */
    private readonly folder: string,
  ) {}

  /** From the beginning each time, and nothing where there is none. Throws: mirror.index; bucket.*. */
  async *entries(signal: AbortSignal): AsyncGenerator<MirrorEntry, void, void> {
    const file = join(this.folder, 'index-before.ndjson');
    if (!(await this.fetch(file, signal))) return;
    try {
      yield* readLines(file, MirrorEntry);
    } catch (error) {
      if (!isCode(error, 'mirror.index')) throw error;
      const name = indexKey(this.prefix);
      throw new AppError('mirror.index', `${name} of ${this.replica.bucket} is no index of a mirror`, { name });
    }
  }

  /** Of which moment of the source the replica is at least, as the last whole round knows it. Throws: bucket.*. */
  async sourceAt(signal: AbortSignal): Promise<Date | undefined> {
    const said = (await this.replica.head(indexKey(this.prefix), signal))?.metadata?.[SOURCE_AT];
    return said === undefined ? undefined : new Date(said);
  }

  /** In place of the one before, whole or not at all. Throws: bucket.*. */
  async write(
    entries: AsyncIterable<MirrorEntry>,
    { sourceAt, signal }: { readonly sourceAt: Date | undefined; readonly signal: AbortSignal },
  ): Promise<void> {
    const file = join(this.folder, 'index-written.ndjson');
    await writeLines(file, entries);
    const headers = sourceAt === undefined ? {} : { Metadata: { [SOURCE_AT]: sourceAt.toISOString() } };
    await this.replica.put(indexKey(this.prefix), createReadStream(file), headers, signal);
  }

  private async fetch(file: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { body } = await this.replica.get(indexKey(this.prefix), {}, signal);
      await pipeline(body, createWriteStream(file, { mode: 0o600 }));
      return true;
    } catch (error) {
      if (isCode(error, 'bucket.changed') && error.context['status'] === 404) return false;
      throw error;
    }
  }
}

/** One value a line. */
export async function writeLines(file: string, items: AsyncIterable<object>): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    for await (const item of items) yield `${toLineOfJson(item)}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(file, { mode: 0o600 }));
}

/** Throws: mirror.index for a line that is no entry. */
export async function* readLines<T>(file: string, schema: z.ZodType<T>): AsyncGenerator<T, void, void> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    const parsed = schema.safeParse(parseJson(line));
    if (!parsed.success) throw new AppError('mirror.index', `a line of the index of the mirror is no entry`);
    yield parsed.data;
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
