import { setTimeout as delay } from 'node:timers/promises';
import { type Lsn, toLsnBytes } from '#common/domain/lsn.js';
import { parseSegmentName, toLsn, toSegmentNumber, toSegmentStart, type WalBytes } from '#common/domain/wal.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import { readHead } from '#common/engines/postgres/pitr/open-archive.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { headKey, WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import type { ArchiveWalDeps } from '#common/engines/postgres/wal/wal-archiver.js';
import { AppError } from '#common/errors/app-error.js';

export interface WatchPushesDeps extends Omit<ArchiveWalDeps, 'sealing' | 'pace' | 'onState'> {
  /** What the server has and the repository does not, and why where the server says that handing over fails. */
  readonly onBehind?: (state: { readonly bytes: number; readonly outage: AppError | undefined }) => void;
  /** Between two looks. Default 5 s. */
  readonly lookEveryMs?: number;
}

interface ServerState {
  readonly systemId: string;
  readonly segmentBytes: number;
  readonly timeline: number;
  readonly lsn: Lsn;
  readonly at: Date;
  readonly lastArchived: string | null;
  readonly lastArchivedAt: Date | null;
  readonly lastFailed: string | null;
  readonly isFailing: boolean;
}

const LOOK_EVERY_MS = 5_000;

/**
 * Looks at how the `archive_command` of a server is getting on, until the signal fires, and notes up to where the archive is complete.
 * Archives nothing itself. Throws: the abort reason.
 */
export async function watchPushes(dataset: PostgresDataset, d: WatchPushesDeps, signal: AbortSignal): Promise<never> {
  const watch = new PushWatch(dataset, d, signal);
  for (;;) {
    try {
      await watch.lookAgainAndAgain();
    } catch (error) {
      signal.throwIfAborted();
      d.onInterrupted?.(error);
    }
    await delay(d.lookEveryMs ?? LOOK_EVERY_MS, undefined, { signal });
  }
}

/** How often a segment is missed that the server counts as archived, before it is called lost. */
const MISSED_TWICE = 2;

class PushWatch {
  private archive: WalArchive | undefined;
  /** Of the cluster and the timeline that `archive` was opened for. */
  private openedFor = '';
  /** The next segment that the repository is to have; undefined: it has none of the timeline yet. */
  private next: bigint | undefined;
  private missed = 0;
  /** What the server had flushed when, oldest first, and is not stored yet. */
  private marks: { readonly lsn: WalBytes; readonly at: Date }[] = [];

  constructor(
    private readonly dataset: PostgresDataset,
    private readonly d: WatchPushesDeps,
    private readonly signal: AbortSignal,
  ) {}

  async lookAgainAndAgain(): Promise<never> {
    const options = { signal: this.signal, applicationName: `holdfast wal ${this.dataset.name}` };
    const session = await PgSession.open(this.dataset.connection, options);
    try {
      for (;;) {
        await this.look(await session.queryOne<ServerState>(STATE));
        await delay(this.d.lookEveryMs ?? LOOK_EVERY_MS, undefined, { signal: this.signal });
      }
    } finally {
      await session.close();
    }
  }

  private async look(state: ServerState): Promise<void> {
    const { segmentBytes, timeline } = state;
    const lsn = toLsnBytes(state.lsn);
    this.marks.push({ lsn, at: state.at });
    const of = `${state.systemId}/${timeline}`;
    if (this.openedFor !== of || this.next === undefined) await this.reopen(state);
    this.openedFor = of;
    await this.follow(state);
    const stored = this.next === undefined ? undefined : toSegmentStart(this.next, segmentBytes);
    const outage = toOutage(state);
    this.d.onBehind?.({ bytes: Number(stored === undefined || stored > lsn ? 0n : lsn - stored), outage });
    if (stored === undefined) return;
    const complete = this.marks.findLast((mark) => mark.lsn <= stored);
    this.marks = this.marks.filter((mark) => mark.lsn > stored).slice(-MAX_MARKS);
    // What is being filled is handed over when it is full, or after `archive_timeout`: nothing is late before.
    if (stored >= toSegmentStart(toSegmentNumber(lsn, segmentBytes), segmentBytes))
      this.d.onComplete?.({ lsn: toLsn(stored), at: complete?.at ?? state.lastArchivedAt ?? state.at });
    if (complete === undefined) return;
    const head = { timeline, lsn: toLsn(complete.lsn), at: complete.at.toISOString(), segmentBytes };
    await this.archive?.putHead(head, this.signal);
  }

  /** Throws: wal.conflict; repository.*. */
  private async reopen(state: ServerState): Promise<void> {
    const { systemId, segmentBytes, timeline } = state;
    const { repository } = this.d;
    const archive = await WalArchive.open(
      { repository, dataset: this.dataset.name, systemId, segmentBytes },
      this.signal,
    );
    archive.index.assertOneWriter();
    this.archive = archive;
    const runs = archive.index.runs(timeline);
    const last = runs.at(-1)?.last;
    const head = await readHead(headKey(this.dataset.name, systemId), repository, this.signal);
    const known = head?.timeline === timeline ? toSegmentNumber(toLsnBytes(head.lsn as Lsn), segmentBytes) : undefined;
    for (const [at, { last: end }] of runs.entries()) {
      const after = runs[at + 1]?.first;
      if (known !== undefined && after !== undefined && end >= known) await this.tellGap(state, end + 1n, after);
    }
    this.next = last === undefined ? undefined : last + 1n;
  }

  /** Up to the first segment that is not there. */
  private async follow(state: ServerState): Promise<void> {
    const { timeline } = state;
    const { archive } = this;
    if (archive === undefined || this.next === undefined) return;
    const from = this.next;
    for (;;) {
      await archive.look({ timeline, name: archive.index.nameOf(timeline, this.next) }, this.signal);
      archive.index.assertOneWriter();
      if (archive.index.segment(timeline, this.next) === undefined) break;
      this.next += 1n;
    }
    const said = parseSegmentName(state.lastArchived ?? '', state.segmentBytes);
    const isMissed = said?.timeline === timeline && said.number >= this.next;
    this.missed = isMissed && from === this.next ? this.missed + 1 : 0;
    if (this.missed < MISSED_TWICE) return;
    this.missed = 0;
    await this.findWhatFollows(state, this.next);
  }

  /** The server counts a segment as archived that the repository does not have. */
  private async findWhatFollows(state: ServerState, missing: bigint): Promise<void> {
    const { repository } = this.d;
    const { systemId, segmentBytes, timeline } = state;
    const of = { repository, dataset: this.dataset.name, systemId, segmentBytes };
    const { index } = await WalArchive.open(of, this.signal);
    const after = index.runs(timeline).find(({ first }) => first > missing);
    // Without anything behind it, the hole has no end yet.
    if (after === undefined || index.segment(timeline, missing) !== undefined) return;
    await this.tellGap(state, missing, after.first);
    this.next = after.first;
  }

  private async tellGap({ systemId, timeline, segmentBytes }: ServerState, from: bigint, to: bigint): Promise<void> {
    await this.d.onGap?.({
      ...{ systemId, timeline },
      from: toLsn(toSegmentStart(from, segmentBytes)),
      to: toLsn(toSegmentStart(to, segmentBytes)),
      reason: 'the server counts it as archived, or has recycled it, and it was never handed over here',
    });
  }
}

/** Some hours of looks: a server that is idle for longer has its newest ones. */
const MAX_MARKS = 5_000;

function toOutage({ lastArchived, lastFailed, isFailing }: ServerState): AppError | undefined {
  if (!isFailing) return undefined;
  const since = lastArchived === null ? 'it has archived nothing yet' : `the last that it archived is ${lastArchived}`;
  return new AppError('wal.not-pushed', `archive_command fails for ${lastFailed ?? 'a file'}: ${since}`);
}

const STATE = `
  SELECT now() AS at, system_identifier::text AS "systemId",
    pg_size_bytes(current_setting('wal_segment_size'))::float8 AS "segmentBytes",
    CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
      ELSE pg_current_wal_flush_lsn() END::text AS lsn,
    CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
      ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int END AS timeline,
    last_archived_wal AS "lastArchived", last_archived_time AS "lastArchivedAt", last_failed_wal AS "lastFailed",
    last_failed_time IS NOT NULL AND last_failed_time > coalesce(last_archived_time, '-infinity') AS "isFailing"
  FROM pg_control_system(), pg_stat_archiver`;
