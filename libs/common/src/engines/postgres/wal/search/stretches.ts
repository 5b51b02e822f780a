import { toLsn, toSegmentNumber, toSegmentStart, type WalBytes } from '#common/domain/wal.js';
import { walFrom } from '#common/engines/postgres/pitr/wal-reach.js';
import type { ArchiveIndex } from '#common/engines/postgres/wal/archive-index.js';
import type { TimelinePath } from '#common/engines/postgres/wal/wal-start.js';
import type { WalStretch } from './wal-text.js';

/** WAL between the two is not archived. */
export interface WalHole {
  readonly from: string;
  readonly to: string;
}

export interface Stretches {
  readonly stretches: readonly WalStretch[];
  readonly holes: readonly WalHole[];
}

/** The storage has another clock than the server. */
const CLOCKS_APART_MS = 5 * 60_000;

/** Every segment on a path, oldest first. */
function numbersOn(index: ArchiveIndex, { timeline, history }: TimelinePath): readonly bigint[] {
  const own = new Set([...history.map((each) => each.timeline), timeline]);
  return index.objects().flatMap((each) => (own.has(each.timeline) ? [each.number] : []));
}

/**
 * The segment with which to begin for everything that was committed since an instant: what was stored before it was written before it. Undefined: nothing
 * is archived.
 */
export function firstNumberSince(index: ArchiveIndex, path: TimelinePath, sinceMs: number): bigint | undefined {
  const own = new Set(numbersOn(index, path));
  const on = index.objects().filter(({ number }) => own.has(number));
  const late = on.find(({ stored }) => (stored.storedAt?.getTime() ?? Infinity) >= sinceMs - CLOCKS_APART_MS);
  return (late ?? on.at(-1))?.number;
}

/** What is archived from a segment on, along a path, and the holes in it. */
export function stretchesFrom(index: ArchiveIndex, path: TimelinePath, first: bigint): Stretches {
  const size = index.segmentBytes;
  const numbers = numbersOn(index, path);
  const stretches: WalStretch[] = [];
  const holes: WalHole[] = [];
  let next: bigint | undefined = first;
  let before: WalBytes | undefined;
  while (next !== undefined) {
    const start = toSegmentStart(next, size);
    const { files, end } = walFrom(index, path, { start, includedUpTo: start });
    if (files.length > 0) {
      if (before !== undefined) holes.push({ from: toLsn(before), to: toLsn(start) });
      stretches.push({ files, end });
      before = end;
    }
    const from: bigint = files.length === 0 ? next + 1n : toSegmentNumber(end - 1n, size) + 1n;
    next = numbers.find((number) => number >= from);
  }
  return { stretches, holes };
}
