import type { Archiver, ArchiverOptions } from '#common/engines/archiver.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { archiveWal } from './wal-archiver.js';

/** The write-ahead log of a whole cluster, streamed from a replication slot. */
export class WalArchiver implements Archiver<PostgresDataset> {
  readonly name = 'wal';

  isWanted({ wal }: PostgresDataset): boolean {
    return wal?.mode === 'stream';
  }

  run(dataset: PostgresDataset, { repository, sealing, clock, watch, signal }: ArchiverOptions): Promise<never> {
    return archiveWal(
      dataset,
      {
        ...{ repository, sealing, clock },
        onComplete: ({ lsn, at }) => watch.onComplete({ position: lsn, at }),
        onState: ({ serverEnd, stored, outage }) =>
          watch.onBehind({ bytes: serverEnd > stored ? Number(serverEnd - stored) : 0, outage }),
        onGap: ({ systemId, timeline, ...gap }) =>
          watch.onGap({ ...gap, source: `cluster ${systemId}, timeline ${timeline}`, mendedBy: 'base' }),
        onInterrupted: (error) => watch.onInterrupted(error),
      },
      signal,
    );
  }
}
