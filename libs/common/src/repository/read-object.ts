import { buffer } from 'node:stream/consumers';
import type { BackupRepository, ObjectKey, ReadOptions } from './backup-repository.js';

/** A small object as a whole. Throws: repository.*. */
export async function readObject(repository: BackupRepository, key: ObjectKey, o: ReadOptions): Promise<Uint8Array> {
  return buffer(await repository.get(key, o));
}
