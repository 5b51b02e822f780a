import { type Lsn, toLsnBytes } from '#common/domain/lsn.js';
import { toLsn, toSegmentNumber, toSegmentStart } from '#common/domain/wal.js';
import type { StoredWal } from '#common/engines/postgres/wal/archive-index.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { unlessLocked } from '#common/repository/unless-locked.js';
import type { LoadedRecoverable } from './load-recoverable.js';

export interface WalPruning {
  /** No base backup that exists reads WAL before it. */
  readonly before: string;
  readonly objects: readonly StoredWal[];
}

/**
 * What is archived and no base backup needs: whole segments, and pieces, before the one in which the oldest begins. Positions only grow, whatever the
 * timeline, so one position bounds all of them; histories are kept, for a timeline's number must never come back.
 */
export function decidePruning({ bases, index }: Pick<LoadedRecoverable, 'bases' | 'index'>): WalPruning {
  const starts = bases.map(({ facts }) => toLsnBytes(facts.startLsn as Lsn));
  const oldest = starts.reduce((a, b) => (a < b ? a : b), starts[0] ?? 0n);
  const first = toSegmentNumber(oldest, index.segmentBytes);
  return { before: toLsn(toSegmentStart(first, index.segmentBytes)), objects: index.objectsBefore(first) };
}

/** Oldest first: what is cut short leaves no hole. Returns how many are gone; what a lock of the store keeps is left. Throws: repository.*. */
export async function pruneWal(
  { objects }: WalPruning,
  repository: BackupRepository,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const { key } of objects) if (await unlessLocked(repository.remove(key, { signal }))) removed += 1;
  return removed;
}
