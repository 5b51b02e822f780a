import { parseLsn, toLsnBytes } from '#common/domain/lsn.js';
import { toLsn, toSegmentNumber, toSegmentStart, type WalBytes } from '#common/domain/wal.js';
import type { CopyCommand } from '#common/engines/postgres/replication/copy-command.js';
import { type ReplicationSession, text } from '#common/engines/postgres/replication/replication-session.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, sql, walPosition } from '#common/pg/sql.js';
import type { Sealing } from '#common/sealing/sealing.js';
import { SegmentAssembler, type WholeSegment } from './segment-assembler.js';
import { SegmentQueue } from './segment-queue.js';
import type { WalArchive } from './wal-archive.js';
import { parseWalMessage, toStatusMessage, type WalMessage } from './wal-messages.js';
import type { StreamStart } from './wal-start.js';

export interface ReceiverPace {
  /** How old what came may get before it is stored as a piece. */
  readonly flushEveryMs: number;
  /** How often the server hears what is stored, and says how far it is. */
  readonly statusEveryMs: number;
  /** Memory for segments that wait for the storage. */
  readonly bufferBytes: number;
}

export const DEFAULT_PACE: ReceiverPace = { flushEveryMs: 1_500, statusEveryMs: 5_000, bufferBytes: 96 << 20 };

/** How far a stream is. */
export interface StreamState {
  readonly timeline: number;
  readonly received: WalBytes;
  readonly stored: WalBytes;
  /** What the server has flushed, and when it said so, by its own clock. */
  readonly serverEnd: WalBytes;
  readonly sentAt: Date;
  /** Set while the storage takes nothing. */
  readonly outage: AppError | undefined;
}

export interface ReceiverDeps extends ReceiverPace {
  readonly session: ReplicationSession;
  readonly archive: WalArchive;
  readonly sealing: Sealing;
  readonly slot: string;
  readonly segmentBytes: number;
  readonly signal: AbortSignal;
  readonly clock: () => Date;
  readonly onState: (state: StreamState) => void;
  /** Everything that the server had flushed at the instant is stored. */
  readonly onComplete: (upTo: { readonly timeline: number; readonly lsn: WalBytes; readonly at: Date }) => void;
}

const TICK_MS = 250;
const MARK_EVERY_MS = 250;
/** A server that goes down is not kept waiting longer for storage that is away: its slot keeps the rest. */
const SHUTDOWN_PATIENCE_MS = 8_000;

/**
 * Receives one timeline from a segment on, until the server leaves it; returns where the next begins. Confirms what is stored and nothing
 * else. Throws: postgres.*, engine.output, wal.conflict, repository.*.
 */
export async function receiveTimeline(start: StreamStart, d: ReceiverDeps): Promise<StreamStart> {
  const receiver = new WalReceiver(start, d);
  try {
    return await receiver.run();
  } finally {
    receiver.close();
  }
}

class WalReceiver {
  private readonly assembler: SegmentAssembler;
  private readonly queue: SegmentQueue;
  private readonly copy: CopyCommand;
  private readonly control = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private serverEnd: WalBytes;
  private sentAt: Date;
  /** What the server had flushed when, oldest first, and is not stored yet: under load the newest never is. */
  private marks: { readonly lsn: WalBytes; readonly at: Date }[] = [];
  private flushedUpTo: WalBytes;
  private lastFlushMs = 0;
  private lastStatusMs = 0;
  private leavingSinceMs: number | undefined;
  private blockedSinceMs: number | undefined;
  private isFlushing = false;
  private outage: AppError | undefined;
  private failure: unknown;

  constructor(
    private readonly start: StreamStart,
    private readonly d: ReceiverDeps,
  ) {
    const { segmentBytes, archive, sealing } = d;
    const from = toSegmentStart(start.number, segmentBytes);
    this.assembler = new SegmentAssembler(start, segmentBytes);
    this.flushedUpTo = from;
    this.serverEnd = from;
    this.sentAt = d.clock();
    this.queue = new SegmentQueue({
      ...{
        archive,
        sealing,
        segmentBytes,
        from,
        timeline: start.timeline,
        signal: AbortSignal.any([d.signal, this.control.signal]),
      },
      parallel: Math.max(1, Math.min(4, Math.floor(d.bufferBytes / segmentBytes) - 1)),
      onStored: () => this.handleStored(),
      onOutage: (error) => this.handleOutage(error),
      onFailed: (error) => this.fail(error),
    });
    const position = walPosition(toLsn(from));
    this.copy = d.session.copy(
      sql`START_REPLICATION SLOT ${identifier(d.slot)} PHYSICAL ${position} TIMELINE ${start.timeline}`,
    );
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  async run(): Promise<StreamStart> {
    try {
      for await (const message of this.copy.messages()) await this.handle(parseWalMessage(message));
      await this.queue.settle();
      await this.flush();
    } catch (error) {
      throw this.failure ?? this.d.session.toError(error, 'stream the WAL of');
    }
    if (this.failure !== undefined) throw this.failure;
    const next = this.copy.answers.at(-1)?.[0];
    if (next === undefined) throw new AppError('postgres.unreachable', 'the server ended its WAL stream');
    const number = toSegmentNumber(toLsnBytes(parseLsn(text(next, 'next_tli_startpos'))), this.d.segmentBytes);
    return { timeline: Number(text(next, 'next_tli')), number };
  }

  close(): void {
    clearInterval(this.timer);
    this.control.abort(new AppError('run.interrupted', 'the WAL stream has ended'));
  }

  private async handle(message: WalMessage): Promise<void> {
    if (message.kind === 'other') return;
    this.serverEnd = message.serverEnd > this.serverEnd ? message.serverEnd : this.serverEnd;
    this.sentAt = message.sentAt;
    this.mark(message.serverEnd, message.sentAt);
    if (message.kind === 'alive') return message.wantsReply ? this.hurry() : this.handleAnswer();
    this.leavingSinceMs = undefined;
    for (const segment of this.assembler.append(message.start, message.data)) await this.enqueue(segment);
  }

  private async enqueue(segment: WholeSegment): Promise<void> {
    this.blockedSinceMs = performance.now();
    await this.queue.add(segment);
    this.blockedSinceMs = undefined;
  }

  /** A server that goes down asks for an answer although it has one, and waits until we have stored everything. */
  private hurry(): void {
    this.leavingSinceMs ??= performance.now();
    if (this.queue.stored >= this.serverEnd) this.sendStatus();
    else void this.flush();
  }

  private handleAnswer(): void {
    this.leavingSinceMs = undefined;
    this.noteComplete();
  }

  private tick(): void {
    const now = performance.now();
    if (now - this.lastFlushMs >= this.d.flushEveryMs) void this.flush();
    if (now - this.lastStatusMs >= this.d.statusEveryMs) this.sendStatus({ wantsReply: true });
    // While nothing is read, the server asks in vain.
    const waitingSinceMs = this.leavingSinceMs ?? (this.outage === undefined ? undefined : this.blockedSinceMs);
    if (waitingSinceMs === undefined || now - waitingSinceMs <= SHUTDOWN_PATIENCE_MS) return;
    this.fail(
      this.outage ?? new AppError('postgres.unreachable', 'the server goes down, and its last WAL is not stored yet'),
    );
  }

  private async flush(): Promise<void> {
    const { position, current } = this.assembler;
    const segmentStart = toSegmentStart(current, this.d.segmentBytes);
    const start = this.flushedUpTo > segmentStart ? this.flushedUpTo : segmentStart;
    if (this.isFlushing || start >= position || this.failure !== undefined) return;
    this.isFlushing = true;
    this.lastFlushMs = performance.now();
    try {
      await this.queue.addPiece({ number: current, start, data: Buffer.from(this.assembler.since(start)) });
      this.flushedUpTo = position;
    } catch (error) {
      if (error instanceof AppError && error.retryable) this.handleOutage(error);
      else if (!this.control.signal.aborted) this.fail(error);
    } finally {
      this.isFlushing = false;
    }
  }

  private handleStored(): void {
    this.outage = undefined;
    this.sendStatus();
    this.noteComplete();
    this.tell();
  }

  private mark(lsn: WalBytes, at: Date): void {
    const last = this.marks.at(-1);
    if (last === undefined || at.getTime() - last.at.getTime() >= MARK_EVERY_MS) this.marks.push({ lsn, at });
  }

  private noteComplete(): void {
    const { stored } = this.queue;
    const newest = this.marks.findLast(({ lsn }) => lsn <= stored);
    if (newest === undefined) return;
    this.marks = this.marks.filter(({ lsn }) => lsn > stored);
    this.d.onComplete({ timeline: this.start.timeline, ...newest });
  }

  private handleOutage(error: AppError): void {
    this.outage = error;
    this.tell();
  }

  private tell(): void {
    const { queue, serverEnd, sentAt, outage } = this;
    const { timeline, position: received } = this.assembler;
    this.d.onState({ timeline, received, stored: queue.stored, serverEnd, sentAt, outage });
  }

  private sendStatus({ wantsReply = false } = {}): void {
    this.lastStatusMs = performance.now();
    const status = { written: this.assembler.position, flushed: this.queue.stored, wantsReply };
    this.copy.send(toStatusMessage(status, this.d.clock()));
  }

  private fail(error: unknown): void {
    if (this.control.signal.aborted) return;
    this.failure = error;
    this.control.abort(error);
    void this.d.session.close();
  }
}
