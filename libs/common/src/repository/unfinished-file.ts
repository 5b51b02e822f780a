import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { errnoOf } from './file-errors.js';

/** Below the root, where no object key can lead: names of keys never start with a dot. */
export const UNFINISHED = '.unfinished';

const KEY_SEPARATOR = '!';
const NONCE_SEPARATOR = '~';

const toFileName = (key: string): string =>
  `${key.replaceAll('/', KEY_SEPARATOR)}${NONCE_SEPARATOR}${randomBytes(6).toString('hex')}`;

export interface WriteOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** One object on its way in: bytes go to a temporary name, and only durable ones get the name of the key. */
export class UnfinishedFile {
  private readonly hash = createHash('sha256');
  private sizeBytes = 0;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(root: string, key: string): Promise<UnfinishedFile> {
    const path = join(root, UNFINISHED, toFileName(key));
    return new UnfinishedFile(path, await open(path, 'wx', 0o640));
  }

  /** Takes all of the body. Throws: the abort reason; the body's own error. */
  async write(body: Readable | Uint8Array, o: WriteOptions): Promise<{ sizeBytes: number; sha256: string }> {
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      o.signal.throwIfAborted();
      this.hash.update(chunk as Uint8Array);
      await writeAll(this.handle, chunk as Uint8Array);
      this.sizeBytes += (chunk as Uint8Array).length;
      o.onProgress?.(this.sizeBytes);
    }
    o.signal.throwIfAborted();
    return { sizeBytes: this.sizeBytes, sha256: this.hash.digest('hex') };
  }

  /** Durable from here on, and not visible yet. */
  async seal(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
  }

  /** Gives it the name of its key, in one step. The temporary name is gone afterwards. */
  async publish(target: string, { ifAbsent, canLink }: { ifAbsent: boolean; canLink: boolean }): Promise<void> {
    if (!ifAbsent) return rename(this.path, target);
    if (canLink) return this.linkTo(target);
    if (await exists(target)) throw Object.assign(new Error(`${target} exists`), { code: 'EEXIST' });
    return rename(this.path, target);
  }

  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }

  /** Unlike rename, link refuses to replace, and does both in one step. */
  private async linkTo(target: string): Promise<void> {
    await link(this.path, target);
    await rm(this.path);
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length; ) {
    offset += (await handle.write(chunk, offset)).bytesWritten;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error) => {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    },
  );
}

/** Removes what no process has written to since `olderThan`; returns how many. `listPrefix` ends with a slash or is empty. */
export async function removeUnfinished(root: string, listPrefix: string, olderThan: Date): Promise<number> {
  const folder = join(root, UNFINISHED);
  const names = await readdir(folder).catch((error) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  let removed = 0;
  for (const name of names.filter((each) => each.startsWith(listPrefix.replaceAll('/', KEY_SEPARATOR)))) {
    const { mtime } = await stat(join(folder, name)).catch(() => ({ mtime: olderThan }));
    if (mtime >= olderThan) continue;
    await rm(join(folder, name), { force: true });
    removed += 1;
  }
  return removed;
}
