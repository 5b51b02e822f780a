import { parseSegmentName, toSegmentName, toTimelineName, type WalBytes } from '#common/domain/wal.js';
import { AppError } from '#common/errors/app-error.js';
import type { StoredObject } from '#common/repository/backup-repository.js';
import type { SealedForm } from '#common/sealing/sealing.js';

/** One object of a WAL archive. */
export interface StoredWal {
  readonly key: string;
  readonly sizeBytes: number;
  readonly form: SealedForm;
  /** Of what is in it; pieces have none. */
  readonly sha256: string | undefined;
  /** By the storage's clock: what is in it was written before. Undefined: by ourselves, right now. */
  readonly storedAt: Date | undefined;
}

export interface StoredPiece extends StoredWal {
  readonly start: WalBytes;
  readonly end: WalBytes;
}

/** A segment, or a piece of it. */
export interface PlacedWal {
  readonly timeline: number;
  readonly number: bigint;
  readonly stored: StoredWal;
}

/** Consecutive segments of one timeline. */
export interface SegmentRun {
  readonly first: bigint;
  readonly last: bigint;
}

const OBJECT =
  /\/([0-9A-F]{8})\/(?:([0-9A-F]{24}(?:[.]partial|[.][0-9A-F]{8}[.]backup)?|[0-9A-F]{8}[.]history)-([0-9a-f]{64})|([0-9A-F]{24})[.]([0-9A-F]{16})-([0-9A-F]{16})[.]partial)(?:[.]zst([.]age)?)$/;

const toBytes = (hex = '0'): WalBytes => BigInt(`0x${hex}`);

interface TimelineObjects {
  /** By number. */
  readonly segments: Map<bigint, StoredWal>;
  readonly pieces: Map<bigint, StoredPiece[]>;
  history: StoredWal | undefined;
  /** What PostgreSQL archives beside segments and a recovery never asks for by itself: `.partial`, `.backup`. */
  readonly notes: Map<string, StoredWal>;
}

/** What an archive holds, by timeline. */
export class ArchiveIndex {
  private readonly timelines = new Map<number, TimelineObjects>();
  /** Names that were written with different bytes. */
  readonly conflicts: string[] = [];

  constructor(readonly segmentBytes: number) {}

  /** Objects that are none of WAL are passed over. */
  add({ key, sizeBytes, modifiedAt: storedAt }: Pick<StoredObject, 'key' | 'sizeBytes'> & Partial<StoredObject>): void {
    const [, timelineName, name, sha256, segment, start, end, age] = OBJECT.exec(key) ?? [];
    if (timelineName === undefined) return;
    const stored: StoredWal = {
      ...{ key, sizeBytes, sha256, storedAt },
      form: { compression: 'zstd', encryption: age === undefined ? 'none' : 'age' },
    };
    const own = this.of(Number(`0x${timelineName}`));
    if (name !== undefined) this.addWhole(own, name, stored);
    else if (segment !== undefined)
      this.addPiece(own, segment, { ...stored, start: toBytes(start), end: toBytes(end) });
  }

  /** A whole file, by PostgreSQL's name for it. */
  find(timeline: number, name: string): StoredWal | undefined {
    const own = this.timelines.get(timeline);
    if (own === undefined || name.endsWith('.history')) return own?.history;
    if (name.includes('.')) return own.notes.get(name);
    const number = parseSegmentName(name, this.segmentBytes)?.number;
    return number === undefined ? undefined : own.segments.get(number);
  }

  get isEmpty(): boolean {
    return this.timelines.size === 0;
  }

  /** Ascending. */
  get timelineIds(): readonly number[] {
    return [...this.timelines.keys()].sort((a, b) => a - b);
  }

  historyOf(timeline: number): StoredWal | undefined {
    return this.timelines.get(timeline)?.history;
  }

  segment(timeline: number, number: bigint): StoredWal | undefined {
    return this.timelines.get(timeline)?.segments.get(number);
  }

  /** In order of their starts. */
  pieces(timeline: number, number: bigint): readonly StoredPiece[] {
    const own = this.timelines.get(timeline)?.pieces.get(number) ?? [];
    return own.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  }

  takePieces(timeline: number, number: bigint): readonly StoredPiece[] {
    const own = this.pieces(timeline, number);
    this.timelines.get(timeline)?.pieces.delete(number);
    return own;
  }

  /** The last segment before another of which something is there, whole or in pieces. */
  lastBefore(timeline: number, number: bigint): bigint | undefined {
    const own = this.timelines.get(timeline);
    const there = [...(own?.segments.keys() ?? []), ...(own?.pieces.keys() ?? [])].filter((each) => each < number);
    return there.length === 0 ? undefined : there.reduce((a, b) => (a > b ? a : b));
  }

  /** Segments and pieces of every timeline, in order of their positions. */
  objects(): readonly PlacedWal[] {
    const all = [...this.timelines].flatMap(([timeline, { segments, pieces, notes }]) => [
      ...[...segments].map(([number, stored]) => ({ timeline, number, stored })),
      ...[...pieces].flatMap(([number, own]) => own.map((stored) => ({ timeline, number, stored }))),
      ...[...notes].map(([name, stored]) => ({ timeline, number: this.numberOf(name) ?? 0n, stored })),
    ]);
    return all.sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0));
  }

  /** Segments without a hole between them, oldest first; two that are not consecutive are two runs. */
  runs(timeline: number): readonly SegmentRun[] {
    const numbers = [...(this.timelines.get(timeline)?.segments.keys() ?? [])].sort((a, b) => (a < b ? -1 : 1));
    const runs: { first: bigint; last: bigint }[] = [];
    for (const number of numbers) {
      const current = runs.at(-1);
      if (current !== undefined && number === current.last + 1n) current.last = number;
      else runs.push({ first: number, last: number });
    }
    return runs;
  }

  /**
   * Where the WAL of a timeline ends that begins in this segment and has no hole: the end of whole segments, and of what is there of the
   * next. Undefined: not even the first byte is there.
   */
  endOfRun(timeline: number, from: bigint): WalBytes | undefined {
    const size = BigInt(this.segmentBytes);
    let number = from;
    while (this.segment(timeline, number) !== undefined) number += 1n;
    const whole = number * size;
    const end = this.pieces(timeline, number).reduce(
      (at, piece) => (piece.start <= at && piece.end > at ? piece.end : at),
      whole,
    );
    return end > from * size ? end : undefined;
  }

  /** Throws: wal.conflict when two writers have written different bytes under one name. */
  assertOneWriter(): void {
    const [name] = this.conflicts;
    if (name === undefined) return;
    throw new AppError('wal.conflict', `two clusters have archived different WAL as ${name}`, {
      names: this.conflicts,
    });
  }

  /** What PostgreSQL calls it. */
  nameOf = (timeline: number, number: bigint): string => toSegmentName(timeline, number, this.segmentBytes);

  /** Of the segment that a name is about. */
  private numberOf = (name: string): bigint | undefined =>
    parseSegmentName(name.slice(0, 24), this.segmentBytes)?.number;

  private addWhole(own: TimelineObjects, name: string, stored: StoredWal): void {
    const isHistory = name.endsWith('.history');
    const number = this.numberOf(name);
    if (!isHistory && number === undefined) return;
    const isSegment = !name.includes('.');
    const known = isHistory ? own.history : isSegment ? own.segments.get(number ?? 0n) : own.notes.get(name);
    if (known !== undefined && known.sha256 !== stored.sha256) this.conflicts.push(name);
    if (isHistory) own.history = known ?? stored;
    else if (isSegment) own.segments.set(number ?? 0n, known ?? stored);
    else own.notes.set(name, known ?? stored);
  }

  private addPiece(own: TimelineObjects, segment: string, piece: StoredPiece): void {
    const number = parseSegmentName(segment, this.segmentBytes)?.number;
    if (number !== undefined) own.pieces.set(number, [...(own.pieces.get(number) ?? []), piece]);
  }

  private of(timeline: number): TimelineObjects {
    const known = this.timelines.get(timeline);
    if (known !== undefined) return known;
    const own: TimelineObjects = { segments: new Map(), pieces: new Map(), history: undefined, notes: new Map() };
    this.timelines.set(timeline, own);
    return own;
  }
}

export const historyName = (timeline: number): string => `${toTimelineName(timeline)}.history`;
