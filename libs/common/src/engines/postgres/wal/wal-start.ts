import { type TimelineSwitch, timelineAt, toSegmentNumber, type WalBytes } from '#common/domain/wal.js';
import type { ArchiveIndex } from './archive-index.js';

/** A timeline and how the server came to it. */
export interface TimelinePath {
  readonly timeline: number;
  /** Its ancestors, oldest first. */
  readonly history: readonly TimelineSwitch[];
}

export interface StreamStart {
  readonly timeline: number;
  /** Of the segment to begin with. */
  readonly number: bigint;
}

export interface WalStart extends StreamStart {
  /** Set where WAL before `start` is in the archive, and what lies between is not: asked for first, for the server may have it still. */
  readonly missing?: StreamStart & { readonly endOfArchive: WalBytes };
}

export interface SlotPosition {
  readonly timeline: number;
  readonly restart: WalBytes;
}

/**
 * Where a receiver that takes over begins: at the first segment that the archive lacks after what the slot kept. The slot has confirmed
 * only what is stored, so nothing before it can be missing, unless the slot is younger than the archive.
 */
export function decideStart(index: ArchiveIndex, path: TimelinePath, slot: SlotPosition): WalStart {
  const size = index.segmentBytes;
  const first = toSegmentNumber(slot.restart, size);
  const atSlot = { timeline: slot.timeline, number: first };
  const end = endOnPath(index, path, slot.timeline, first);
  if (end !== undefined) return oneBack(index, toStart(path, end, size), atSlot);
  const archived = archivedEnd(index, path, first);
  if (archived === undefined || archived >= first * BigInt(size)) return atSlot;
  return { ...atSlot, missing: { ...toStart(path, archived, size), endOfArchive: archived } };
}

/** The last archived segment comes once more: a server that has other bytes for it is another cluster by now. */
function oneBack(index: ArchiveIndex, start: StreamStart, atSlot: StreamStart): StreamStart {
  const { timeline, number } = start;
  return number > atSlot.number && index.segment(timeline, number - 1n) !== undefined
    ? { timeline, number: number - 1n }
    : start;
}

const toStart = ({ timeline, history }: TimelinePath, position: WalBytes, segmentBytes: number): StreamStart => ({
  timeline: timelineAt(history, timeline, position),
  number: toSegmentNumber(position, segmentBytes),
});

/** The end of what is archived without a hole from a segment on, along the path; undefined: not even its first byte is. */
function endOnPath(index: ArchiveIndex, path: TimelinePath, timeline: number, from: bigint): WalBytes | undefined {
  const size = index.segmentBytes;
  let found: WalBytes | undefined;
  let [current, number] = [timeline, from];
  for (;;) {
    const end = index.endOfRun(current, number);
    if (end === undefined) return found;
    const endsAt = path.history.find((each) => each.timeline === current)?.endsAt;
    if (endsAt === undefined || end < endsAt) return end;
    // The next timeline begins in the segment in which this one ends.
    found = endsAt;
    current = timelineAt(path.history, path.timeline, endsAt);
    number = toSegmentNumber(endsAt, size);
  }
}

/** The end of the newest WAL on the path that lies before a segment. */
function archivedEnd(index: ArchiveIndex, { timeline, history }: TimelinePath, before: bigint): WalBytes | undefined {
  const newestFirst = [timeline, ...history.map((each) => each.timeline).reverse()];
  for (const each of newestFirst) {
    const endsAt = history.find((ancestor) => ancestor.timeline === each)?.endsAt;
    const last = index.lastBefore(each, before);
    const end = last === undefined ? undefined : index.endOfRun(each, last);
    if (end !== undefined) return endsAt !== undefined && endsAt < end ? endsAt : end;
  }
  return undefined;
}
