import { randomUUID } from 'node:crypto';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { BucketClient } from '#common/engines/bucket/bucket-client.js';
import { CONTROL_PREFIX } from '#common/engines/bucket/bucket-place.js';
import { NotedKeys } from '#common/engines/bucket/facts.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';

/** What servers that keep objects as files write elsewhere without a word: `a//b` over `a/b`. */
const FORMS = [
  { what: 'an empty part', pattern: /\/\//, sample: 'a//b' },
  { what: 'a part that is "." or ".."', pattern: /(^|\/)\.{1,2}(\/|$)/, sample: 'a/./b' },
  { what: 'a slash at its beginning', pattern: /^\//, sample: '/' },
] as const;

/** The forms of keys that a backup has and that not every server can hold. Collected before anything is written. */
export class KeyForms {
  private readonly found = FORMS.map((form) => ({ ...form, keys: new NotedKeys() }));

  add(key: string): void {
    for (const { pattern, keys } of this.found) if (pattern.test(key)) keys.add(key);
  }

  /** Tries each form that is needed on an object of Holdfast's own. Throws: bucket.key naming what the server would write elsewhere; bucket.*. */
  async assertHeld(client: BucketClient, signal: AbortSignal): Promise<void> {
    for (const { what, sample, keys } of this.found) {
      const { count, keys: first } = keys.toJSON();
      if (count === 0 || (await holdsForm(client, sample, signal))) continue;
      const names = toShortList(
        first.map((key) => JSON.stringify(key)),
        { total: count },
      );
      throw new AppError('bucket.key', `the server cannot hold keys with ${what}: ${names}`, { count, keys: first });
    }
  }
}

async function holdsForm(client: BucketClient, sample: string, signal: AbortSignal): Promise<boolean> {
  const folder = `${CONTROL_PREFIX}form-${randomUUID()}`;
  const key = sample === '/' ? `/${folder}` : `${folder}/${sample}`;
  try {
    await client.put(key, Buffer.from('form'), {}, signal);
    const input = { Bucket: client.bucket, Prefix: key };
    const { Contents = [] } = await client.request('look for a form of keys', signal, (s3, o) =>
      s3.send(new ListObjectsV2Command(input), o),
    );
    return Contents.some(({ Key }) => Key === key);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError && error.code === 'bucket.protocol') return false;
    throw error;
  } finally {
    await client.remove(key, AbortSignal.timeout(10_000)).catch(() => undefined);
  }
}
