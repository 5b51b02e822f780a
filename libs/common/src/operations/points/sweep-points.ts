import type { BackupRepository } from '#common/repository/backup-repository.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { readPoints } from './stored-points.js';

/** Removes recovery points of which the repository holds no member any more; one that lost a part stays, and says so. Returns how many. Throws: repository.*. */
export async function sweepPoints(repository: BackupRepository, signal: AbortSignal): Promise<number> {
  const points = await readPoints(repository, undefined, { signal });
  const stored = new Map<string, ReadonlySet<string>>();
  let removed = 0;
  for (const { document, key } of points) {
    const own = document.members.filter((member) => member.repository === repository.name);
    for (const { dataset } of own)
      if (!stored.has(dataset)) stored.set(dataset, await listIds(repository, dataset, signal));
    if (own.length === 0 || own.some(({ dataset, backupId }) => stored.get(dataset)?.has(backupId))) continue;
    await repository.remove(key, { signal });
    removed += 1;
  }
  return removed;
}

async function listIds(repository: BackupRepository, dataset: string, signal: AbortSignal): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const [id] of listByBackup(repository, dataset, { signal })) ids.add(id);
  return ids;
}
