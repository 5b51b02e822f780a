import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { type AofFile, parseAofManifest } from './aof-manifest.js';

/** Files that belong together, open: the server may rewrite and delete them, and what is open stays readable. */
export interface OpenAof {
  readonly manifestName: string;
  readonly files: readonly OpenAofFile[];
  /** When their sizes were read. */
  readonly takenAt: Date;
  close(): Promise<void>;
}

export interface OpenAofFile extends AofFile {
  readonly handle: FileHandle;
  /** The server adds to the last one: what comes later is not of this backup. */
  readonly sizeBytes: number;
}

/** A rewrite replaces all files, within milliseconds. */
const TRIES = 20;

/** Opens what one state of the manifest names. Throws: redis.aof; the abort reason. */
export async function openAof(directory: string, signal: AbortSignal): Promise<OpenAof> {
  const manifestName = await findManifest(directory);
  const read = () => readFile(join(directory, manifestName), 'utf8').catch((error) => refuse(directory, error));
  for (let left = TRIES; left > 0; left -= 1) {
    const before = await read();
    const handles: FileHandle[] = [];
    const close = async () => void (await Promise.allSettled(handles.map((handle) => handle.close())));
    try {
      const files = parseAofManifest(before, directory);
      for (const { name } of files) handles.push(await open(join(directory, name)));
      // Newest last: an increment may only be cut at its end.
      const sizes: number[] = [];
      for (const handle of handles) sizes.push((await handle.stat()).size);
      const takenAt = new Date();
      if ((await read()) === before) {
        const opened = files.map((file, at) => ({
          ...file,
          handle: handles[at] as FileHandle,
          sizeBytes: sizes[at] ?? 0,
        }));
        return { manifestName, files: opened, takenAt, close };
      }
      await close();
    } catch (error) {
      await close();
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') refuse(directory, error);
    }
    await sleep(50, undefined, { signal });
  }
  throw new AppError('redis.aof', `the server rewrites its files in ${directory} all the while`, { directory });
}

async function findManifest(directory: string): Promise<string> {
  const names = await readdir(directory).catch((error) => refuse(directory, error));
  const [name, ...others] = names.filter((each) => each.endsWith('.manifest'));
  if (name !== undefined && others.length === 0) return name;
  const found = name === undefined ? 'no manifest' : 'more than one manifest';
  throw new AppError('redis.aof', `${directory} holds ${found} of append-only files`, { directory });
}

function refuse(directory: string, cause: unknown): never {
  if (cause instanceof AppError) throw cause;
  const reason = (cause as NodeJS.ErrnoException).code ?? toText(cause);
  throw new AppError('redis.aof', `cannot read ${directory}: ${reason}`, { directory, reason }, { cause });
}
