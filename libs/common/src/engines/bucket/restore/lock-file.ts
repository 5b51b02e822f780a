import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { BucketClient } from '#common/engines/bucket/bucket-client.js';
import { isCode } from '#common/engines/bucket/bucket-errors.js';
import { CONTROL_PREFIX } from '#common/engines/bucket/bucket-place.js';

const LOCKS = `${CONTROL_PREFIX}locks/`;

const LockFile = z.object({
  formatVersion: z.literal(1),
  runId: z.string(),
  attempt: z.int(),
  /** Below which it writes. */
  prefix: z.string(),
  /** The run began to fill an empty place: what is there now is its own. */
  isFilling: z.boolean(),
  /** It keeps no one out any more; it only tells later attempts of the run what is there. */
  isReleased: z.boolean(),
  /** Of who holds it; changes with each renewal, and so does the ETag. */
  nonce: z.string(),
});
export type LockFile = z.infer<typeof LockFile>;

/** A lock as it lies in the bucket. */
export interface FoundLock extends LockFile {
  readonly key: string;
  readonly etag: string;
  /** By the server's clock. */
  readonly renewedAt: Date;
}

export const lockKey = (prefix: string): string =>
  `${LOCKS}${createHash('sha256').update(prefix).digest('hex').slice(0, 32)}.json`;

const encodeLock = (lock: LockFile): Uint8Array => Buffer.from(`${JSON.stringify(lock, null, 2)}\n`);

/** Undefined: there is none, or none that this version can read. Throws: bucket.*. */
export async function findLock(client: BucketClient, key: string, signal: AbortSignal): Promise<FoundLock | undefined> {
  try {
    const { object, body } = await client.get(key, {}, signal);
    const parsed = LockFile.safeParse(parseJson((await buffer(body)).toString('utf8')));
    return parsed.success ? { ...parsed.data, key, etag: object.etag, renewedAt: object.modifiedAt } : undefined;
  } catch (error) {
    if (isCode(error, 'bucket.changed', 'repository.object-missing')) return undefined;
    throw error;
  }
}

/** Of all restores to the bucket. Throws: bucket.*. */
export async function listLocks(client: BucketClient, signal: AbortSignal): Promise<FoundLock[]> {
  const input = { Bucket: client.bucket, Prefix: LOCKS };
  const { Contents = [] } = await client.request('list locks', signal, (s3, o) =>
    s3.send(new ListObjectsV2Command(input), o),
  );
  const found = await Promise.all(Contents.map(({ Key = '' }) => findLock(client, Key, signal)));
  return found.flatMap((lock) => lock ?? []);
}

export type HeldLock = Awaited<ReturnType<BucketClient['putConditionally']>>;

/** In place of the one with this ETag. Throws: bucket.changed when it is another one; bucket.*. */
export async function putLock(
  client: BucketClient,
  lock: LockFile,
  o: { readonly etag: string | undefined; readonly signal: AbortSignal },
): Promise<HeldLock> {
  const key = lockKey(lock.prefix);
  try {
    return await client.putConditionally(key, encodeLock(lock), o);
  } catch (error) {
    if (!isCode(error, 'bucket.changed')) throw error;
    // The answer to an earlier try was lost, and what is in the way is our own.
    const found = await findLock(client, key, o.signal);
    if (found?.nonce !== lock.nonce) throw error;
    return { etag: found.etag, versionId: undefined };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
