import { buffer } from 'node:stream/consumers';
import type { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ObjectKey, ReadOptions } from './backup-repository.js';

/** A small object as a whole. Throws: repository.*. */
export async function readObject(repository: BackupRepository, key: ObjectKey, o: ReadOptions): Promise<Uint8Array> {
  return buffer(await repository.get(key, o));
}

/** The same; undefined where it is gone: what it lies beside may be deleted meanwhile. Throws: repository.*. */
export async function findObject(
  repository: BackupRepository,
  key: ObjectKey,
  o: ReadOptions,
): Promise<Uint8Array | undefined> {
  try {
    return await readObject(repository, key, o);
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.object-missing') return undefined;
    throw error;
  }
}

/** A document; undefined where it is gone, and where it is not what the schema says. Throws: repository.*. */
export async function findJson<T>(
  repository: BackupRepository,
  key: ObjectKey,
  { schema, ...o }: ReadOptions & { readonly schema: z.ZodType<T> },
): Promise<T | undefined> {
  const bytes = await findObject(repository, key, o);
  return bytes === undefined ? undefined : parseJson(bytes, schema);
}

/** Undefined where the bytes are not what the schema says. */
export function parseJson<T>(bytes: Uint8Array, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
