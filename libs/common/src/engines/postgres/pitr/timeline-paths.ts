import { parseTimelineHistory, type TimelineSwitch } from '#common/domain/wal.js';
import type { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import type { TimelinePath } from '#common/engines/postgres/wal/wal-start.js';
import type { Keyring } from '#common/sealing/keyring.js';

/** How each archived timeline came about; one whose history is not archived has no known ancestors. */
export async function readPaths(
  archive: WalArchive,
  keyring: Keyring,
  signal: AbortSignal,
): Promise<Map<number, TimelinePath>> {
  const paths = new Map<number, TimelinePath>();
  for (const timeline of archive.index.timelineIds) {
    const stored = archive.index.historyOf(timeline);
    const history: readonly TimelineSwitch[] =
      stored === undefined ? [] : parseTimelineHistory((await archive.read(stored, keyring, signal)).toString('utf8'));
    paths.set(timeline, { timeline, history });
  }
  return paths;
}
