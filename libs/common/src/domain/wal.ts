import { AppError } from '#common/errors/app-error.js';
import type { Lsn } from './lsn.js';

/** Positions in here are byte counts; only texts for people and for PostgreSQL have the form 16/B374D848. */
export type WalBytes = bigint;

export const toLsn = (position: WalBytes): Lsn =>
  `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`.toUpperCase() as Lsn;

/** In a name: 16 hex digits, so that names sort by position. */
export const toHexPosition = (position: WalBytes): string => position.toString(16).toUpperCase().padStart(16, '0');

export const toTimelineName = (timeline: number): string => timeline.toString(16).toUpperCase().padStart(8, '0');

/** Which segment of its cluster holds the byte. */
export const toSegmentNumber = (position: WalBytes, segmentBytes: number): bigint => position / BigInt(segmentBytes);

export const toSegmentStart = (number: bigint, segmentBytes: number): WalBytes => number * BigInt(segmentBytes);

/** `000000010000000A000000FF`: timeline, and the number in two halves of which the lower counts up to 4 GiB of WAL. Source: PostgreSQL "WAL Internals". */
export function toSegmentName(timeline: number, number: bigint, segmentBytes: number): string {
  const perHigh = 0x1_0000_0000n / BigInt(segmentBytes);
  const half = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0');
  return `${toTimelineName(timeline)}${half(number / perHigh)}${half(number % perHigh)}`;
}

export interface SegmentPlace {
  readonly timeline: number;
  readonly number: bigint;
}

const SEGMENT = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/;

/** Undefined for what is no name of a segment of this size. */
export function parseSegmentName(name: string, segmentBytes: number): SegmentPlace | undefined {
  const [, timeline, high, low] = SEGMENT.exec(name) ?? [];
  if (timeline === undefined || high === undefined || low === undefined) return undefined;
  const perHigh = 0x1_0000_0000n / BigInt(segmentBytes);
  const lower = BigInt(`0x${low}`);
  if (lower >= perHigh) return undefined;
  return { timeline: Number(`0x${timeline}`), number: BigInt(`0x${high}`) * perHigh + lower };
}

/** The end of an earlier timeline: from there on it is another's. */
export interface TimelineSwitch {
  readonly timeline: number;
  readonly endsAt: WalBytes;
}

/**
 * What a `.history` file says: the ancestors of its timeline, oldest first, each with where the next took over.
 * Throws: engine.output. Source: PostgreSQL "Timelines".
 */
export function parseTimelineHistory(text: string): TimelineSwitch[] {
  const switches: TimelineSwitch[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, timeline, high, low] = /^\s*(\d+)\s+([0-9A-Fa-f]+)\/([0-9A-Fa-f]+)/.exec(line) ?? [];
    if (timeline === undefined || high === undefined || low === undefined)
      throw new AppError('engine.output', `a timeline history holds the line ${JSON.stringify(line)}`);
    switches.push({ timeline: Number(timeline), endsAt: (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`) });
  }
  return switches;
}

/** The timeline that WAL at the position belongs to, on the way to `timeline`. */
export function timelineAt(history: readonly TimelineSwitch[], timeline: number, position: WalBytes): number {
  return history.find(({ endsAt }) => position < endsAt)?.timeline ?? timeline;
}
