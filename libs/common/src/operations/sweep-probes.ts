import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';
import { PROBES } from '#common/repository/layout.js';
import { readStoreClock } from '#common/repository/store-clock.js';
import { unlessLocked } from '#common/repository/unless-locked.js';
import { DEAD_AFTER_MS } from './sweep-attempts.js';

/**
 * Removes what was written to try a store and could not be removed at once: who tried was killed, or a lock kept it, which has ended by
 * now. Asks nothing of a store where nothing is left. Returns how many. Throws: repository.*.
 */
export async function sweepProbes(
  repository: BackupRepository,
  { deadAfterMs = DEAD_AFTER_MS }: { readonly deadAfterMs?: number },
  signal: AbortSignal,
): Promise<number> {
  const left: StoredObject[] = [];
  for await (const object of repository.list(PROBES, { signal })) left.push(object);
  if (left.length === 0) return 0;
  const before = (await readStoreClock(repository, PROBES, { signal })).getTime() - deadAfterMs;
  let removed = 0;
  for (const { key } of left.filter(({ modifiedAt }) => modifiedAt.getTime() < before))
    if (await unlessLocked(repository.remove(key, { signal }))) removed += 1;
  return removed;
}
