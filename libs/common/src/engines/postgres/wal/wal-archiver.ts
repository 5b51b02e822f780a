import { setTimeout as delay } from 'node:timers/promises';
import { toBackoffMs } from '#common/domain/backoff.js';
import { toLsnBytes } from '#common/domain/lsn.js';
import { parseTimelineHistory, type TimelineSwitch, toLsn, toSegmentStart, type WalBytes } from '#common/domain/wal.js';
import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import {
  ReplicationSession,
  type SystemIdentity,
  text,
} from '#common/engines/postgres/replication/replication-session.js';
import { AppError } from '#common/errors/app-error.js';
import { sql } from '#common/pg/sql.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Sealing } from '#common/sealing/sealing.js';
import { headKey, WalArchive } from './wal-archive.js';
import { DEFAULT_PACE, type ReceiverPace, receiveTimeline, type StreamState } from './wal-receiver.js';
import { ensureSlot } from './wal-slot.js';
import { decideStart, type StreamStart, type TimelinePath, type WalStart } from './wal-start.js';

export interface WalGap {
  readonly systemId: string;
  readonly timeline: number;
  /** WAL is missing from here … */
  readonly from: string;
  /** … to here. */
  readonly to: string;
  readonly reason: string;
}

export interface ArchiveWalDeps {
  readonly repository: BackupRepository;
  readonly sealing: Sealing;
  readonly clock: () => Date;
  readonly pace?: ReceiverPace;
  readonly onState?: (state: StreamState & { readonly systemId: string }) => void;
  /** Everything that the server had flushed at the instant is stored. */
  readonly onComplete?: (upTo: { readonly lsn: string; readonly at: Date }) => void;
  /** WAL is gone for good: what lies before it can no longer be recovered to what comes after. */
  readonly onGap?: (gap: WalGap) => Promise<void> | void;
  /** A try ended, and another begins a little later. */
  readonly onInterrupted?: (error: unknown) => void;
}

const RETRY = { firstMs: 500, maxMs: 30_000 };
/** A stream that lived so long was no failed try. */
const HEALTHY_MS = 60_000;

/** Archives the WAL of a cluster until the signal fires. Whatever stops it, it begins again where the archive ends. Throws: the abort reason. */
export async function archiveWal(dataset: PostgresDataset, d: ArchiveWalDeps, signal: AbortSignal): Promise<never> {
  const archives = new Map<string, WalArchive>();
  for (let tries = 1; ; tries += 1) {
    const beganMs = performance.now();
    try {
      await streamOnce(dataset, { ...d, archives }, signal);
    } catch (error) {
      signal.throwIfAborted();
      d.onInterrupted?.(error);
    }
    await untilStorageAnswers(dataset.name, d, signal);
    if (performance.now() - beganMs > HEALTHY_MS) tries = 0;
    await delay(toBackoffMs(tries, RETRY, Math.random()), undefined, { signal });
  }
}

/** While the storage is away, the server is left alone: its slot keeps everything. */
async function untilStorageAnswers(
  dataset: string,
  { repository, onInterrupted }: ArchiveWalDeps,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await repository.stat(headKey(dataset, '0'), { signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      onInterrupted?.(error);
    }
    await delay(toBackoffMs(tries, RETRY, Math.random()), undefined, { signal });
  }
}

/** What a slot is called that the configuration does not name. */
export const slotOf = ({ name, wal }: Pick<PostgresDataset, 'name' | 'wal'>): string =>
  (wal?.mode === 'stream' ? wal.slot : undefined) ?? `holdfast_${name.replace(/[^a-z0-9_]/g, '_')}`.slice(0, 63);

type StreamDeps = ArchiveWalDeps & { readonly archives: Map<string, WalArchive> };

async function streamOnce(dataset: PostgresDataset, d: StreamDeps, outer: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
  const options = { signal, applicationName: `holdfast wal ${dataset.name}` };
  const session = await PgSession.open(dataset.connection, options);
  try {
    const { segmentBytes } = await session.queryOne<{ segmentBytes: number }>(
      `SELECT pg_size_bytes(current_setting('wal_segment_size'))::float8 AS "segmentBytes"`,
    );
    const replication = await ReplicationSession.open(session.connection, options);
    try {
      const server = await replication.identify();
      const archive = await openArchive(dataset.name, { systemId: server.systemId, segmentBytes }, d, signal);
      const path = await readPath(replication, server.timeline);
      for (const { timeline, content } of path.files) await archive.putHistory(timeline, content, { ...d, signal });
      const slot = slotOf(dataset);
      const { position, made } = await ensureSlot({ session, replication }, slot);
      const stream = new Stream({
        d,
        archive,
        slot,
        segmentBytes,
        systemId: server.systemId,
        signal,
        reopen: () => ReplicationSession.open(session.connection, options),
      });
      const start = decideStart(archive.index, path, position);
      assertNotAhead(start, { ...server, segmentBytes });
      await stream.run(replication, start, made);
    } finally {
      await replication.close();
    }
  } finally {
    stop.abort(new Error('the stream was closed'));
    await session.close();
  }
}

/** Throws: wal.conflict for a server that has not yet written what is archived of it: it was set back, or is a copy. */
function assertNotAhead(
  start: WalStart,
  { systemId, lsn, segmentBytes }: SystemIdentity & { readonly segmentBytes: number },
): void {
  const from = toSegmentStart((start.missing ?? start).number, segmentBytes);
  if (from <= toLsnBytes(lsn)) return;
  const message = `WAL of cluster ${systemId} is archived up to ${toLsn(from)}, and the server is at ${lsn}: it was set back, or is a copy`;
  throw new AppError('wal.conflict', message, { systemId, archived: toLsn(from), server: lsn });
}

interface StreamParts {
  readonly d: ArchiveWalDeps;
  readonly archive: WalArchive;
  readonly slot: string;
  readonly segmentBytes: number;
  readonly systemId: string;
  readonly signal: AbortSignal;
  readonly reopen: () => Promise<ReplicationSession>;
}

class Stream {
  private lastHeadMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly o: StreamParts) {}

  /** Until the server goes, over as many timelines as it takes. */
  async run(first: ReplicationSession, start: WalStart, made: 'absent' | 'lost' | undefined): Promise<void> {
    let session = first;
    let from: StreamStart = start;
    const { missing } = start;
    if (missing !== undefined) {
      try {
        from = await this.receive(session, missing);
      } catch (error) {
        if (sqlStateOf(error) !== UNDEFINED_FILE) throw error;
        const { systemId, segmentBytes } = this.o;
        await this.o.d.onGap?.({
          ...{ systemId, timeline: missing.timeline, from: toLsn(missing.endOfArchive) },
          to: toLsn(toSegmentStart(start.number, segmentBytes)),
          reason:
            made === 'lost'
              ? 'the server gave the slot up'
              : `the server removed WAL before slot "${this.o.slot}" was made`,
        });
        session = await this.o.reopen();
      }
    }
    try {
      for (;;) from = await this.receive(session, from);
    } finally {
      await session.close();
    }
  }

  /** One timeline; keeps the history of the one that follows. */
  private async receive(session: ReplicationSession, start: StreamStart): Promise<StreamStart> {
    const { d, archive, slot, segmentBytes, systemId, signal } = this.o;
    const next = await receiveTimeline(start, {
      ...{
        session,
        archive,
        slot,
        segmentBytes,
        sealing: d.sealing,
        clock: d.clock,
        signal,
        ...(d.pace ?? DEFAULT_PACE),
      },
      onState: (state) => d.onState?.({ ...state, systemId }),
      onComplete: (upTo) => this.noteHead(upTo),
    });
    const { files } = await readPath(session, next.timeline);
    for (const { timeline, content } of files)
      await archive.putHistory(timeline, content, { sealing: d.sealing, signal });
    return next;
  }

  /** Best effort: segments report a repository that is away. */
  private noteHead({ timeline, lsn, at }: { timeline: number; lsn: WalBytes; at: Date }): void {
    const { archive, segmentBytes, signal, d } = this.o;
    d.onComplete?.({ lsn: toLsn(lsn), at });
    const { statusEveryMs } = d.pace ?? DEFAULT_PACE;
    if (performance.now() - this.lastHeadMs < statusEveryMs) return;
    this.lastHeadMs = performance.now();
    const head = { timeline, lsn: toLsn(lsn), at: at.toISOString(), segmentBytes };
    archive.putHead(head, signal).catch(() => undefined);
  }
}

/** SQLSTATE: "requested WAL segment … has already been removed". */
const UNDEFINED_FILE = '58P01';

async function openArchive(
  dataset: string,
  of: { readonly systemId: string; readonly segmentBytes: number },
  { archives, repository }: StreamDeps,
  signal: AbortSignal,
): Promise<WalArchive> {
  const known = archives.get(of.systemId);
  if (known !== undefined) return known;
  const archive = await WalArchive.open({ repository, dataset, ...of }, signal);
  archives.set(of.systemId, archive);
  return archive;
}

interface ServerPath extends TimelinePath {
  readonly files: readonly { readonly timeline: number; readonly content: string }[];
}

/** How the server came to a timeline, and the history files that say so. */
async function readPath(replication: ReplicationSession, timeline: number): Promise<ServerPath> {
  if (timeline === 1) return { timeline, history: [], files: [] };
  const read = async (of: number): Promise<string> => {
    const [row] = await replication.query(sql`TIMELINE_HISTORY ${of}`);
    return text(row, 'content');
  };
  const content = await read(timeline);
  const history: readonly TimelineSwitch[] = parseTimelineHistory(content);
  return { timeline, history, files: [{ timeline, content }] };
}
