import { timelineAt, toSegmentNumber, toSegmentStart, type WalBytes } from '#common/domain/wal.js';
import type { ArchiveIndex, StoredPiece, StoredWal } from '#common/engines/postgres/wal/archive-index.js';
import type { TimelinePath } from '#common/engines/postgres/wal/wal-start.js';

/** One segment that a recovery reads: whole, or put together from pieces. */
export interface WalFile {
  /** PostgreSQL's own. */
  readonly name: string;
  readonly whole: StoredWal | undefined;
  readonly pieces: readonly StoredPiece[];
}

export interface WalReach {
  readonly files: readonly WalFile[];
  /** Everything up to here is there. */
  readonly end: WalBytes;
  readonly timeline: number;
  /** Whether there is WAL of the path behind a hole. */
  readonly isCutShort: boolean;
}

export interface ReachFrom {
  /** Where the recovery begins to read. */
  readonly start: WalBytes;
  /** Up to where the base backup brings its WAL along itself. */
  readonly includedUpTo: WalBytes;
}

/** Which archived segments a recovery along a path reads, and how far they carry it. */
export function walFrom(index: ArchiveIndex, path: TimelinePath, { start, includedUpTo }: ReachFrom): WalReach {
  const size = index.segmentBytes;
  const files: WalFile[] = [];
  let end = includedUpTo;
  let timeline = timelineAt(path.history, path.timeline, includedUpTo);
  for (let number = toSegmentNumber(start, size); ; number += 1n) {
    const segmentEnd = toSegmentStart(number + 1n, size);
    // Two timelines meet in one segment: the newer one has what the older wrote in it.
    const owner = newestWith(index, path, number);
    const upTo = owner === undefined ? undefined : endWithin(index, owner, number);
    if (owner === undefined || upTo === undefined) {
      if (segmentEnd <= includedUpTo) continue;
      return { files, end, timeline, isCutShort: hasLater(index, path, number) };
    }
    const whole = index.segment(owner, number);
    files.push({
      name: index.nameOf(owner, number),
      whole,
      pieces: whole === undefined ? index.pieces(owner, number) : [],
    });
    if (upTo > end) {
      end = upTo;
      timeline = owner;
    }
    if (upTo < segmentEnd) return { files, end, timeline, isCutShort: hasLater(index, path, number + 1n) };
  }
}

/** The newest timeline of the path to which some of the segment belongs and that has it. */
function newestWith(index: ArchiveIndex, { timeline, history }: TimelinePath, number: bigint): number | undefined {
  const size = index.segmentBytes;
  const [first, last] = [toSegmentStart(number, size), toSegmentStart(number + 1n, size) - 1n];
  const oldest = timelineAt(history, timeline, first);
  const newest = timelineAt(history, timeline, last);
  const known = [...history.map((each) => each.timeline), timeline].filter((each) => each >= oldest && each <= newest);
  return known.findLast((each) => endWithin(index, each, number) !== undefined);
}

function endWithin(index: ArchiveIndex, timeline: number, number: bigint): WalBytes | undefined {
  const size = index.segmentBytes;
  if (index.segment(timeline, number) !== undefined) return toSegmentStart(number + 1n, size);
  const start = toSegmentStart(number, size);
  const end = index
    .pieces(timeline, number)
    .reduce((at, piece) => (piece.start <= at && piece.end > at ? piece.end : at), start);
  return end > start ? end : undefined;
}

const hasLater = (index: ArchiveIndex, { timeline, history }: TimelinePath, from: bigint): boolean =>
  [...history.map((each) => each.timeline), timeline].some((each) => index.runs(each).some(({ last }) => last >= from));
