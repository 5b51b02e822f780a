import { setTimeout as delay } from 'node:timers/promises';
import { toBackoffMs } from '#common/domain/backoff.js';
import { toSegmentStart, type WalBytes } from '#common/domain/wal.js';
import { AppError } from '#common/errors/app-error.js';
import type { WholeSegment } from './segment-assembler.js';
import type { Piece, PutWal, WalArchive } from './wal-archive.js';

export interface SegmentQueueOptions extends PutWal {
  readonly archive: WalArchive;
  readonly timeline: number;
  readonly segmentBytes: number;
  /** Everything before it is stored. */
  readonly from: WalBytes;
  /** Segments on their way at once. */
  readonly parallel: number;
  /** Called when more is stored than before, and when the storage fails to take something for now. */
  readonly onStored: () => void;
  readonly onOutage: (error: AppError) => void;
  /** Called once, when something cannot be stored and never will be. */
  readonly onFailed: (error: unknown) => void;
}

const RETRY = { firstMs: 500, maxMs: 15_000 };

/** Stores segments, several at a time and for as long as it takes, and knows up to where nothing is missing. */
export class SegmentQueue {
  private readonly storing = new Map<bigint, Promise<void>>();
  private readonly ahead = new Set<bigint>();
  private next: bigint;
  /** Of segments that are not stored as a whole, in order. */
  private pieces: { readonly start: WalBytes; readonly end: WalBytes }[] = [];
  private lastPiece: Promise<void> = Promise.resolve();

  constructor(private readonly o: SegmentQueueOptions) {
    this.next = o.from / BigInt(o.segmentBytes);
  }

  /** Up to where everything is stored, in whole segments or in pieces. */
  get stored(): WalBytes {
    const whole = toSegmentStart(this.next, this.o.segmentBytes);
    return this.pieces.reduce((at, { start, end }) => (start <= at && end > at ? end : at), whole);
  }

  get isIdle(): boolean {
    return this.storing.size === 0;
  }

  /** Resolves when there is room for another one. */
  async add(segment: WholeSegment): Promise<void> {
    const work = this.store(segment)
      .catch((error: unknown) => this.o.onFailed(error))
      .finally(() => this.storing.delete(segment.number));
    this.storing.set(segment.number, work);
    while (this.storing.size >= this.o.parallel) await Promise.race(this.storing.values());
    this.o.signal.throwIfAborted();
  }

  /** One after another. Resolves when it is stored, and rejects while the storage is away: the next piece begins where this one did. */
  addPiece(piece: Omit<Piece, 'timeline'>): Promise<void> {
    const work = this.lastPiece.then(async () => {
      const { archive, timeline } = this.o;
      await archive.putPiece({ ...piece, timeline }, this.o);
      this.pieces.push({ start: piece.start, end: piece.start + BigInt(piece.data.length) });
      this.o.onStored();
    });
    this.lastPiece = work.catch(() => undefined);
    return work;
  }

  async settle(): Promise<void> {
    await Promise.all([...this.storing.values(), this.lastPiece]);
  }

  private async store({ number, raw }: WholeSegment): Promise<void> {
    const { archive, timeline, signal } = this.o;
    await this.patiently(() => archive.putSegment(timeline, number, raw, this.o));
    this.ahead.add(number);
    while (this.ahead.delete(this.next)) this.next += 1n;
    const whole = toSegmentStart(this.next, this.o.segmentBytes);
    this.pieces = this.pieces.filter(({ end }) => end > whole);
    this.o.onStored();
    await this.lastPiece;
    await archive.removePieces(timeline, number, signal);
  }

  private async patiently(work: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        this.o.signal.throwIfAborted();
        if (!(error instanceof AppError) || !error.retryable) throw error;
        this.o.onOutage(error);
        await delay(toBackoffMs(tries, RETRY, Math.random()), undefined, { signal: this.o.signal });
      }
    }
  }
}
