import { randomBytes } from 'node:crypto';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import { clockKey, clockPrefix } from './layout.js';

/** Some storage tells instants in whole seconds only: two of them are in order for certain only when they lie further apart. */
export const CLOCK_STEP_MS = 1_000;

/** What the storage takes for now: the only clock that all who use the repository share. Never ahead of it. Throws: repository.*. */
export async function readStorageClock(repository: BackupRepository, dataset: string, o: ReadOptions): Promise<Date> {
  const key = clockKey(dataset, randomBytes(8).toString('hex'));
  await repository.put(key, Buffer.from('now\n'), o);
  try {
    const written = await repository.stat(key, o);
    if (written === undefined) throw new AppError('repository.object-missing', `${key} vanished`, { key });
    return written.modifiedAt;
  } finally {
    await repository.remove(key, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
  }
}

/** What was read from and could not be removed: its reader was killed. Throws: repository.*. */
export async function removeOldClocks(
  repository: BackupRepository,
  { dataset, before }: { readonly dataset: string; readonly before: Date },
  o: ReadOptions,
): Promise<void> {
  const old: StoredObject[] = [];
  for await (const object of repository.list(clockPrefix(dataset), o)) if (object.modifiedAt < before) old.push(object);
  for (const { key } of old) await repository.remove(key, o);
}
