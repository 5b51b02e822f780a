import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';
import { CONTROL, PROBES } from '#common/repository/layout.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import { DEAD_AFTER_MS } from './sweep-attempts.js';

/**
 * Removes what was written to try storage and could not be removed at once, because who tried was killed; and for good what is hidden
 * below `_control/`: versions that a lock kept, or that the credential that writes may not remove. Returns how many. Throws: repository.*.
 */
export async function sweepProbes(
  repository: BackupRepository,
  { deadAfterMs = DEAD_AFTER_MS }: { readonly deadAfterMs?: number },
  signal: AbortSignal,
): Promise<number> {
  const removed = await sweepOld(repository, deadAfterMs, signal);
  return removed + (await repository.removeHidden(CONTROL, new Date(Date.now() - deadAfterMs), { signal }));
}

async function sweepOld(repository: BackupRepository, deadAfterMs: number, signal: AbortSignal): Promise<number> {
  const left: StoredObject[] = [];
  for await (const object of repository.list(PROBES, { signal })) left.push(object);
  if (left.length === 0) return 0;
  const before = (await readStorageClock(repository, 'probes', { signal })).getTime() - deadAfterMs;
  const old = left.filter(({ modifiedAt }) => modifiedAt.getTime() < before);
  for (const { key } of old) await repository.remove(key, { signal });
  return old.length;
}
