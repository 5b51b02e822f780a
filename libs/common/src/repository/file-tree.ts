import { mkdir, open, readdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from './file-errors.js';
import { isObjectKey } from './layout.js';

/** The name of a file is durable only when its directory is. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the folders of a key below the root, each one durable. */
export async function makeFolders(root: string, key: string): Promise<void> {
  const names = key.split('/').slice(0, -1);
  for (let depth = 1; depth <= names.length; depth += 1) {
    const path = join(root, ...names.slice(0, depth));
    const isNew = await mkdir(path, { mode: 0o750 }).then(
      () => true,
      (error) => {
        if (errnoOf(error) === 'EEXIST') return false;
        throw error;
      },
    );
    if (isNew) await syncDirectory(dirname(path));
  }
}

/** Removes the folders of a removed key as far as they are empty. */
export async function removeEmptyFolders(root: string, key: string): Promise<void> {
  for (let folder = dirname(key); folder !== '.'; folder = dirname(folder)) {
    try {
      await rmdir(join(root, folder));
    } catch {
      return;
    }
  }
}

/** The nearest one of a key that is there. */
export async function findFolder(root: string, key: string): Promise<string> {
  for (let folder = dirname(key); folder !== '.'; folder = dirname(folder)) {
    const stats = await stat(join(root, folder)).catch(() => undefined);
    if (stats?.isDirectory()) return join(root, folder);
  }
  return root;
}

export interface FoundFile {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Every object below a folder in the order of whole keys. What vanishes meanwhile is left out; what is no key is not ours. */
export async function* walkFiles(root: string, folder: string, namePrefix = ''): AsyncGenerator<FoundFile> {
  for (const entry of await readSorted(join(root, folder))) {
    if (!entry.name.startsWith(namePrefix)) continue;
    const key = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (!isObjectKey(key)) continue;
    if (entry.isDirectory()) yield* walkFiles(root, key);
    else if (entry.isFile()) yield* describe(root, key);
  }
}

async function* describe(root: string, key: string): AsyncGenerator<FoundFile> {
  const file = await findFile(root, key);
  if (file) yield file;
}

export async function findFile(root: string, key: string): Promise<FoundFile | undefined> {
  const stats = await stat(join(root, key)).catch((error) => {
    if (isAbsence(error)) return undefined;
    throw error;
  });
  return stats?.isFile() ? { key, sizeBytes: stats.size, modifiedAt: stats.mtime } : undefined;
}

/** A folder sorts as its name with a slash: `a-b` comes before `a/x`, as it does in S3. */
async function readSorted(path: string) {
  const entries = await readdir(path, { withFileTypes: true }).catch((error) => {
    if (isAbsence(error)) return [];
    throw error;
  });
  return entries
    .map((entry) => ({ entry, order: entry.isDirectory() ? `${entry.name}/` : entry.name }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ entry }) => entry);
}

export const isAbsence = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
