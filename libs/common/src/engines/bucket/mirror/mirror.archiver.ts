import { setTimeout as delay } from 'node:timers/promises';
import type { Archiver, ArchiverOptions } from '#common/engines/archiver.js';
import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import type { Noted } from '#common/engines/bucket/facts.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { findDifferences } from './differences.js';
import { mirrorOnce } from './mirror-round.js';

type Mirrored = BucketDataset & { readonly mirror: BucketMirror };

/** What of the source the replica lacks at the end of a round. */
interface Seen {
  readonly objects: number;
  readonly bytes: number;
  readonly behindBytes: number;
  readonly outage: AppError | undefined;
  /** Of this moment of the source the replica is, where nothing is behind. */
  readonly at: Date;
  readonly counts: Readonly<Record<string, number>>;
}

/** A replica of a bucket that follows it: copied by Holdfast, or by the server and watched here. */
export class MirrorArchiver implements Archiver<BucketDataset> {
  readonly name = 'mirror';
  readonly isReplayed = false;

  isWanted({ mirror }: BucketDataset): boolean {
    return mirror !== undefined;
  }

  lagAfterMs({ mirror }: BucketDataset): number | undefined {
    return mirror?.lagAfterMs;
  }

  async run(dataset: BucketDataset, { signal, clock, watch }: ArchiverOptions): Promise<never> {
    const { mirror } = dataset;
    if (mirror === undefined) throw new AppError('internal.bug', `dataset ${dataset.name} has no mirror`);
    for (;;) {
      try {
        const seen = await look({ ...dataset, mirror }, { signal, clock, watch });
        watch.onCounts?.(seen.counts);
        watch.onBehind({ bytes: seen.behindBytes, outage: seen.outage });
        const position = `${seen.objects} objects, ${seen.bytes} bytes`;
        if (seen.outage === undefined && seen.behindBytes === 0) watch.onComplete({ position, at: seen.at });
      } catch (error) {
        signal.throwIfAborted();
        watch.onInterrupted(error);
      }
      await delay(mirror.everyMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

/** Throws: mirror.index, bucket.*; the abort reason. */
async function look(
  dataset: Mirrored,
  { signal, clock: now, watch }: Pick<ArchiverOptions, 'signal' | 'clock' | 'watch'>,
): Promise<Seen> {
  if (dataset.mirror.mode === 'watch') return toSeen(await findDifferences(dataset, { signal, now }));
  const onBehind = (bytes: number): void => watch.onBehind({ bytes, outage: undefined });
  const round = await mirrorOnce(dataset, { signal, now, onBehind });
  const { objects, bytes, behindBytes, startedAt: at, refused, shrunk } = round;
  const counts = {
    objects,
    copied: round.copied,
    removed: round.removed,
    waiting: round.waiting,
    foreign: round.foreign,
  };
  const outage = shrunk ?? (refused.count === 0 ? undefined : toBehind('does not take', refused));
  return { objects, bytes, behindBytes, at, outage, counts: { ...counts, refused: refused.count } };
}

function toSeen(found: Awaited<ReturnType<typeof findDifferences>>): Seen {
  const { objects, bytes, behindBytes, comparedAt: at, missing, different, extra } = found;
  const counts = { objects, missing: missing.count, different: different.count, extra: extra.count };
  const lacking = missing.count > 0 ? missing : different;
  const outage = lacking.count === 0 ? undefined : toBehind('does not have yet', lacking);
  return { objects, bytes, behindBytes, at, outage, counts };
}

function toBehind(what: string, { count, keys }: Noted): AppError {
  const names = toShortList(
    keys.map((key) => JSON.stringify(key)),
    { total: count },
  );
  return new AppError('mirror.behind', `the replica ${what} ${names}`, { count, keys });
}
