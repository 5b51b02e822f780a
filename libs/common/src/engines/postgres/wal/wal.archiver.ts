import type { Archiver, ArchiverOptions } from '#common/engines/archiver.js';
import type { DeskPlace, LocalDesk } from '#common/engines/local-desk.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { WalDesk } from './push/wal-desk.js';
import { watchPushes } from './push/watch-pushes.js';
import { archiveWal, type WalGap } from './wal-archiver.js';

/** The write-ahead log of a whole cluster, streamed from a replication slot, or handed over by the server. */
export class WalArchiver implements Archiver<PostgresDataset> {
  readonly name = 'wal';
  readonly isReplayed = true;

  isWanted({ wal }: PostgresDataset): boolean {
    return wal !== undefined;
  }

  run(dataset: PostgresDataset, o: ArchiverOptions): Promise<never> {
    const { repository, sealing, clock, watch, signal } = o;
    const told = {
      ...{ repository, clock },
      onComplete: ({ lsn, at }: { readonly lsn: string; readonly at: Date }) => watch.onComplete({ position: lsn, at }),
      onGap: ({ systemId, timeline, ...gap }: WalGap) =>
        watch.onGap({ ...gap, source: `cluster ${systemId}, timeline ${timeline}`, mendedBy: 'base' }),
      onInterrupted: (error: unknown) => watch.onInterrupted(error),
    };
    if (dataset.wal?.mode === 'push')
      return watchPushes(dataset, { ...told, onBehind: (state) => watch.onBehind(state) }, signal);
    return archiveWal(
      dataset,
      {
        ...told,
        sealing,
        onState: ({ serverEnd, stored, outage }) =>
          watch.onBehind({ bytes: serverEnd > stored ? Number(serverEnd - stored) : 0, outage }),
      },
      signal,
    );
  }

  openDesk(places: readonly DeskPlace<PostgresDataset>[]): LocalDesk {
    return new WalDesk(places);
  }
}
